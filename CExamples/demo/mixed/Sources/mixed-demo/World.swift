// What every task of the demo is given, and how the demo fails. Threads: the loop's.

import CEddy
import DemoC
import Eddy
import Glibc

struct World: Sendable {
  let group: Group
  let ledger: Ledger
  let figures: Figures
  let port: Int32
  let payload: [UInt8]
}

func fail(_ text: String) -> Never { demo_fail(text) }

func expect(_ isSo: Bool, _ text: @autoclosure () -> String) {
  if !isSo { fail(text()) }
}

func nowNanoseconds() -> Int64 {
  var now: Int64 = 0
  if eddy_now(&now) != EDDY_OK { fail("there is no loop") }
  return now
}

func readFile(_ path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { fail("cannot open \(path)") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
    bytes += buffer[..<count]
  }
  if bytes.isEmpty { fail("\(path) is empty") }
  return bytes
}
