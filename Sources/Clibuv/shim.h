/* libuv as a Clang module: the system's header and nothing else. */
#ifndef EDDY_CLIBUV_SHIM_H
#define EDDY_CLIBUV_SHIM_H
#include <uv.h>
#endif
