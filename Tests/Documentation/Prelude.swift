// What the Swift snippets of the guides may use without saying where it comes from. The snippets
// are type-checked and not run.

import CEddy
import Eddy

func fetch(_ name: String) async throws -> String { name }
func work() async throws {}
func save() async throws {}

let cWorker: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { _ in 0 }
