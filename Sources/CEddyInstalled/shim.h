/* The installed libeddy, for the trait InstalledCore: this module links it, CEddy declares it. */
#ifndef EDDY_INSTALLED_SHIM_H
#define EDDY_INSTALLED_SHIM_H
#endif
