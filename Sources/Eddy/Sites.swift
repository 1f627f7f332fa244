// Where tasks are spawned, as the text that the core keeps: "Module/File.swift:12".
//
// Owns the texts: one for each place that has spawned on the loop, freed with the loop's state,
// when nothing of the core can name them any more.
// Threads: the loop's.

final class SiteTable {
  private struct Place: Hashable {
    var file: UnsafeRawPointer
    var line: UInt
  }

  typealias Entry = (file: UnsafePointer<UInt8>?, line: UInt, text: UnsafePointer<CChar>?)

  private var texts: [Place: UnsafeMutablePointer<CChar>] = [:]
  /// The last place for each of so many: most programs spawn from few.
  let recent: UnsafeMutablePointer<Entry>
  static let recentCount: UInt = 64

  init() {
    recent = .allocate(capacity: Int(Self.recentCount))
    recent.initialize(repeating: (nil, 0, nil), count: Int(Self.recentCount))
  }

  deinit {
    for text in texts.values { text.deallocate() }
    recent.deallocate()
  }

  fileprivate func find(_ file: StaticString, _ line: UInt) -> UnsafePointer<CChar> {
    let place = Place(file: UnsafeRawPointer(file.utf8Start), line: line)
    if let text = texts[place] { return UnsafePointer(text) }
    let bytes = Array("\(file):\(line)".utf8CString)
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    text.initialize(from: bytes, count: bytes.count)
    texts[place] = text
    return UnsafePointer(text)
  }
}

extension LoopState {
  /// The text of a place in the program's source.
  @inline(__always)
  func site(_ file: StaticString, _ line: UInt) -> UnsafePointer<CChar>? {
    guard file.hasPointerRepresentation else { return nil }
    let start = file.utf8Start
    let place = (UInt(bitPattern: start) &+ line &* 31) & (SiteTable.recentCount - 1)
    let entry = recentSites + Int(place)
    if entry.pointee.file == start, entry.pointee.line == line { return entry.pointee.text }
    let text = sites.find(file, line)
    entry.pointee = (start, line, text)
    return text
  }
}
