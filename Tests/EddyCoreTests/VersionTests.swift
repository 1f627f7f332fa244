// Tests of the core from the inside, as ordinary Swift. What C can see is tested in Tests/C.

#if BundledCore
  import CEddy
  import Testing

  @testable import EddyCore

  @Test func libraryAndHeaderHaveOneVersion() {
    #expect(eddy_version_number() == EDDY_VERSION_MAJOR * 1_000_000 + EDDY_VERSION_MINOR * 1000)
  }
#endif
