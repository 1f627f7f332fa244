// Where the core comes from: exactly one of the package's two traits.
//
// Two cores in one program would be two runtimes that do not know of each other's loops and tasks.

#if BundledCore && InstalledCore
  #error("Eddy: BundledCore and InstalledCore exclude each other; name InstalledCore alone")
#elseif !BundledCore && !InstalledCore
  #error("Eddy: no core; enable one of the traits BundledCore and InstalledCore")
#endif
