// Testing programs that use Eddy: the search that cancels a task at each of its waits, and the hash
// of a run. The header's last section says what they find.
//
// Owns nothing: each run's loop is the core's.
// Threads: the search any without a loop, not inside a Swift task; the hash the loop's.

import CEddy

/// Tools for testing tasks; see also `LoopOptions.hasVirtualClock` and `LoopOptions.seed`.
public enum TestKit {
  /// What a run of a search did wrong.
  public struct Finding: Error, Sendable, CustomStringConvertible {
    /// `EDDY_FINDING_*` of `eddy.h`.
    public let kind: Int32
    /// At which wait the run was cancelled, from 1.
    public let place: Int64
    public let text: String
    public var description: String { text }
  }

  public struct Options: Sendable {
    /// A deadline cancels the task, in place of a request.
    public var usesDeadline = false
    /// Tasks may outlive the one under test.
    public var mayOutlive = false
    /// The task may wait for ever until it is cancelled.
    public var isEndless = false
    /// Other threads open and close descriptors meanwhile, so those are not looked at: true where
    /// tests run in parallel.
    public var hasOtherThreads = true
    public var maxRuns: Int64?
    /// What is ready runs in an order drawn from this; nil for first in, first out.
    public var seed: UInt64?
    public init() {}
  }

  /// Runs `body` as a task again and again, each time on a new loop with the virtual clock, and
  /// cancels it at its 1st, 2nd, … n-th wait, until a run ends before its place is reached.
  /// - Returns: how many runs that took.
  /// - Throws: the first `Finding`; `EddyError` if a search is not possible here.
  @discardableResult
  public static func cancelEverywhere(
    _ options: Options = Options(), _ body: @escaping @Sendable () async throws -> Void
  ) throws -> Int64 {
    if withUnsafeCurrentTask(body: { $0 != nil }) {
      throw EddyError(
        status: EDDY_EDEADLK, message: "a search would block a thread of Swift's own pool")
    }
    var loop = eddy_loop_options_t()
    loop.size = UInt32(MemoryLayout<eddy_loop_options_t>.size)
    if let seed = options.seed {
      loop.flags = EDDY_LOOP_SEEDED_ORDER
      loop.seed = seed
    }
    var forC = eddy_test_options_t()
    forC.size = UInt32(MemoryLayout<eddy_test_options_t>.size)
    if options.usesDeadline { forC.flags |= EDDY_TEST_DEADLINE }
    if options.mayOutlive { forC.flags |= EDDY_TEST_OUTLIVE }
    if options.isEndless { forC.flags |= EDDY_TEST_ENDLESS }
    if options.hasOtherThreads { forC.flags |= EDDY_TEST_THREADS }
    forC.max_runs = options.maxRuns ?? 0
    var found = eddy_test_finding_t()
    found.size = UInt32(MemoryLayout<eddy_test_finding_t>.size)
    let box = BodyBox(body)
    let status = withUnsafePointer(to: &loop) { loop in
      forC.loop = loop
      return eddy_test_cancel_everywhere(
        runBody, Unmanaged.passUnretained(box).toOpaque(), &forC, &found)
    }
    if status != EDDY_OK { throw EddyError(status: status) }
    if found.kind == EDDY_FINDING_NONE { return found.runs }
    let text = withUnsafeBytes(of: found.text) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw Finding(kind: found.kind, place: found.place, text: text)
  }

  /// The hash of all that has happened on this thread's loop, or on the last traced one that was
  /// closed here; nil if none was made with `LoopOptions.isTraced`.
  public static var traceHash: UInt64? {
    var hash: UInt64 = 0
    return eddy_test_trace_hash(&hash) == EDDY_OK ? hash : nil
  }
}

private final class BodyBox: Sendable {
  let body: @Sendable () async throws -> Void
  init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }
}

/// A fiber that owns the Swift task.
private let runBody: eddy_task_fn = { context in
  let box = Unmanaged<BodyBox>.fromOpaque(context!).takeUnretainedValue()
  guard let state = LoopState.ofThread else { return EDDY_EWRONGTHREAD }
  let body = box.body
  let root = TaskStorage(state) { try await body() }
  guard (try? root.spawn(in: eddy_scope_t())) != nil else { return EDDY_ECANCELED }
  let status = eddy_task_join(root.task, nil)
  root.letGo()
  return status
}
