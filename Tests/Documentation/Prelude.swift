// What the Swift snippets of the guides may use without saying where it comes from.

import CEddy
import Eddy

func fetch(_ name: String) async throws -> String { name }
func work() async throws {}
func save() async throws {}

let cWorker: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { _ in EDDY_OK }
let cFails: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { _ in
  eddy_fail_text(EDDY_EINVAL, "not this one")
}
