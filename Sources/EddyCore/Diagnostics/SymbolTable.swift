// Names of functions that are not exported, such as a program's static ones: from the symbol table
// of the file that holds them.
//
// Owns the mapping of the file while it is looked into.
// Invariants:
// 1. Nothing is read beyond the file's end, whatever it says of itself: a file that is not as it
//    should be has no names.
// 2. A name is given only for an address inside the function, and lies in the mapping.
// Threads: any.

import EddySwitch

struct SymbolTable {
  private let bytes: UnsafeRawPointer
  private let count: Int
  private var symbols = 0
  private var symbolCount = 0
  private var texts = 0
  private var textBytes = 0

  /// The table of a file; nil if it has none.
  @inline(never)
  init?(path: UnsafePointer<CChar>) {
    var size = 0
    guard let memory = eddy_sw_map_file(path, &size) else { return nil }
    bytes = memory
    count = size
    if !findSections() {
      close()
      return nil
    }
  }

  func close() { eddy_sw_unmap(UnsafeMutableRawPointer(mutating: bytes), count) }

  private func load<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value? {
    guard offset >= 0, offset <= count &- MemoryLayout<Value>.size else { return nil }
    return bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// A place or a size in the file; nil for what is outside it.
  private func loadExtent(_ offset: Int) -> Int? {
    guard let value = load(offset, as: UInt64.self), value <= UInt64(count) else { return nil }
    return Int(value)
  }

  /// ELF, 64 bits, little-endian: its section headers tell where .symtab and its texts are.
  private mutating func findSections() -> Bool {
    guard load(0, as: UInt32.self) == 0x464c_457f, load(4, as: UInt16.self) == 0x0102,
      let headers = loadExtent(40), let size = load(58, as: UInt16.self),
      let headerCount = load(60, as: UInt16.self)
    else { return false }
    for index in 0..<Int(headerCount) {
      let header = headers &+ index &* Int(size)
      // Type 2: the symbol table.
      guard load(header &+ 4, as: UInt32.self) == 2 else { continue }
      guard let symbols = loadExtent(header &+ 24), let symbolBytes = loadExtent(header &+ 32),
        let link = load(header &+ 40, as: UInt32.self), link < UInt32(headerCount),
        let texts = loadExtent(headers &+ Int(link) &* Int(size) &+ 24),
        let textBytes = loadExtent(headers &+ Int(link) &* Int(size) &+ 32),
        symbols &+ symbolBytes <= count, texts &+ textBytes <= count
      else { return false }
      self.symbols = symbols
      self.texts = texts
      self.textBytes = textBytes
      symbolCount = symbolBytes / 24
      return true
    }
    return false
  }

  /// The function around an address of the file, and how far into it that is.
  @inline(never)
  func find(_ address: UInt) -> (name: UnsafePointer<CChar>, offset: UInt)? {
    for index in 0..<symbolCount {
      let symbol = symbols &+ index &* 24
      // The low four bits of a symbol's info: 2, a function.
      guard let info = load(symbol &+ 4, as: UInt8.self), info & 15 == 2,
        let value = load(symbol &+ 8, as: UInt64.self),
        let size = load(symbol &+ 16, as: UInt64.self), UInt64(address) >= value,
        UInt64(address) &- value < size, let name = load(symbol, as: UInt32.self)
      else { continue }
      return text(at: Int(name)).map { (name: $0, offset: address &- UInt(value)) }
    }
    return nil
  }

  private func text(at offset: Int) -> UnsafePointer<CChar>? {
    var end = offset
    while end < textBytes {
      if bytes.load(fromByteOffset: texts &+ end, as: UInt8.self) == 0 {
        return (bytes + texts + offset).assumingMemoryBound(to: CChar.self)
      }
      end &+= 1
    }
    return nil
  }
}
