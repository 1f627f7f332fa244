// The door for other threads as a model: two pushers and the loop's thread, one atomic access a
// step, in every interleaving with up to three preemptions.
//
// What a word becomes is asked of RemoteWord itself; the order of the steps is RemoteQueue's, and
// has to be kept like it here. Mutants of that order show that the model can fail.
// Invariant: a state says all there is, so that one that was seen before need not be seen again.
// Threads: one; the threads of the model are data.

#if BundledCore
  import Testing

  @testable import EddyCore

  /// How the model may differ from RemoteQueue.
  private enum Mutation: CaseIterable {
    case none
    /// The pusher is counted among the wakers after its push.
    case countsLate
    /// The pusher rings, and then pushes.
    case ringsEarly
    /// The close does not wait for the wakers.
    case closesAtOnce
    /// A push takes whatever tag the word has.
    case ignoresTag
    /// Only the first push ever rings.
    case ringsOnce
  }

  /// One step of the loop's thread.
  private enum LoopStep: Hashable {
    /// Blocks until the bell has been rung.
    case hear
    case drain
    case close
    /// Blocks until nobody uses the bell.
    case awaitWakers
    case freeBell
    case open
    /// Goes back to the script's step of this number.
    case jump(Int)
  }

  /// Where a pusher is in RemoteQueue.push.
  private enum PushStep: Hashable {
    case load, count, ringEarly, exchange, countLate, loadBell, ring, uncount, next
  }

  private struct Pusher: Hashable {
    var step = PushStep.load
    var nodes: [UInt64]
    var seen: UInt64 = 0
    var isFirst = false
    var hasPushed = false
    var bell = 0
    var refused: [UInt64] = []

    var isDone: Bool { nodes.isEmpty }
  }

  private struct State: Hashable {
    var word = RemoteWord.tag(1)
    var wakers = 0
    /// The generation whose bell can be rung; 0 when there is none.
    var bell = 1
    var isRung = false
    var rings = 0
    var next: [UInt64: UInt64] = [:]
    var pushers = [
      Pusher(nodes: [0x100, 0x110]), Pusher(nodes: [0x200, 0x210]),
    ]
    var position = 0
    var generation: UInt64 = 1
    var delivered: [UInt64] = []
    var fault: String?
  }

  private struct Model {
    let script: [LoopStep]
    let mutation: Mutation

    static let loop = 2

    func isDone(_ state: State, _ thread: Int) -> Bool {
      thread == Self.loop ? state.position == script.count : state.pushers[thread].isDone
    }

    func canStep(_ state: State, _ thread: Int) -> Bool {
      if isDone(state, thread) { return false }
      guard thread == Self.loop else { return true }
      switch script[state.position] {
      case .hear: return state.isRung
      case .awaitWakers: return mutation == .closesAtOnce || state.wakers == 0
      default: return true
      }
    }

    func step(_ state: inout State, _ thread: Int) {
      if thread == Self.loop {
        stepLoop(&state)
      } else {
        stepPusher(&state, thread)
      }
    }

    private func stepLoop(_ state: inout State) {
      let step = script[state.position]
      state.position += 1
      switch step {
      case .hear: state.isRung = false
      case .drain: take(&state, leaving: RemoteWord.tag(state.generation))
      case .close: take(&state, leaving: RemoteWord.tag(state.generation) | RemoteWord.closed)
      case .awaitWakers: break
      case .freeBell: state.bell = 0
      case .open:
        state.generation += 1
        state.bell = Int(state.generation)
        state.isRung = false
        state.word = RemoteWord.tag(state.generation)
      case .jump(let target): state.position = target
      }
    }

    /// The exchange; what is taken belongs to the loop's thread, so that its walk is no step.
    private func take(_ state: inout State, leaving value: UInt64) {
      var node = state.word & RemoteWord.addressMask
      state.word = value
      var taken: [UInt64] = []
      while node != 0, taken.count < 8 {
        taken.append(node)
        node = state.next[node] ?? 0
      }
      state.delivered += taken.reversed()
    }

    private func stepPusher(_ state: inout State, _ thread: Int) {
      var pusher = state.pushers[thread]
      switch pusher.step {
      case .load: look(at: state.word, &pusher)
      case .count:
        state.wakers += 1
        pusher.step = mutation == .ringsEarly ? .ringEarly : .exchange
      case .ringEarly:
        ring(&state, state.bell)
        pusher.step = .exchange
      case .exchange: exchange(&state, &pusher)
      case .countLate:
        state.wakers += 1
        pusher.step = .loadBell
      case .loadBell:
        pusher.bell = state.bell
        pusher.step = .ring
      case .ring:
        if mutation != .ringsOnce || state.rings == 0 { ring(&state, pusher.bell) }
        pusher.step = .uncount
      case .uncount:
        state.wakers -= 1
        if pusher.hasPushed { finish(&pusher) } else { look(at: pusher.seen, &pusher) }
      case .next: finish(&pusher)
      }
      state.pushers[thread] = pusher
    }

    /// What a pusher decides from the word that it has seen.
    private func look(at word: UInt64, _ pusher: inout Pusher) {
      pusher.seen = word
      guard wanted(word, pusher) != nil else {
        pusher.refused.append(pusher.nodes[0])
        finish(&pusher)
        return
      }
      pusher.isFirst = RemoteWord.isEmpty(word)
      pusher.step = pusher.isFirst && mutation != .countsLate ? .count : .exchange
    }

    private func wanted(_ word: UInt64, _ pusher: Pusher) -> UInt64? {
      let tag = mutation == .ignoresTag ? word & ~RemoteWord.addressMask : RemoteWord.tag(1)
      return RemoteWord.pushed(pusher.nodes[0], onto: word, tag: tag)
    }

    private func exchange(_ state: inout State, _ pusher: inout Pusher) {
      let node = pusher.nodes[0]
      pusher.hasPushed = state.word == pusher.seen
      if pusher.hasPushed, let wanted = wanted(pusher.seen, pusher) {
        state.next[node] = pusher.seen & RemoteWord.addressMask
        state.word = wanted
        if state.generation != 1 { state.fault = "a push reached the successor" }
      }
      let original = state.word
      guard pusher.isFirst else {
        if pusher.hasPushed { finish(&pusher) } else { look(at: original, &pusher) }
        return
      }
      if pusher.hasPushed {
        pusher.step = mutation == .ringsEarly ? .uncount : .loadBell
        if mutation == .countsLate { pusher.step = .countLate }
        return
      }
      pusher.seen = original
      if mutation == .countsLate { look(at: original, &pusher) } else { pusher.step = .uncount }
    }

    private func ring(_ state: inout State, _ bell: Int) {
      if bell == 0 || bell != state.bell {
        state.fault = "a bell was rung that had been freed"
      } else {
        state.isRung = true
        state.rings += 1
      }
    }

    private func finish(_ pusher: inout Pusher) {
      pusher.nodes.removeFirst()
      pusher.hasPushed = false
      pusher.step = .load
    }

    /// What is wrong when no thread can go on.
    func faultAtEnd(_ state: State) -> String? {
      let left = state.word & RemoteWord.addressMask
      if left != 0, left != RemoteWord.closed { return "what was pushed is never heard of" }
      let refused = state.pushers.flatMap(\.refused)
      let all = state.delivered + refused
      if Set(all).count != all.count { return "a node came twice" }
      if all.count != 4 || !state.pushers.allSatisfy(\.isDone) { return "a node was lost" }
      if script.contains(.hear), !script.contains(.close), !refused.isEmpty {
        return "a push was refused on an open door"
      }
      for base: UInt64 in [0x100, 0x200] {
        let own = all.filter { $0 & 0xF00 == base }
        if own != own.sorted() { return "the order of a pusher was not kept" }
      }
      if state.wakers != 0 { return "a waker was counted twice" }
      return nil
    }
  }

  private struct Outcome {
    var states = 0
    var ends = 0
    var faults: Set<String> = []
  }

  /// Everything that can happen with up to this many switches away from a thread that could go on.
  private func explore(_ model: Model, preemptions limit: Int) -> Outcome {
    struct Node: Hashable {
      var state: State
      var thread: Int
      var preemptions: Int
    }
    var outcome = Outcome()
    var seen: Set<Node> = []
    var open = (0...2).map { Node(state: State(), thread: $0, preemptions: 0) }
    while let node = open.popLast() {
      if !seen.insert(node).inserted { continue }
      outcome.states += 1
      if let fault = node.state.fault {
        outcome.faults.insert(fault)
        continue
      }
      let canGoOn = model.canStep(node.state, node.thread)
      var isEnd = true
      for thread in 0...2 where model.canStep(node.state, thread) {
        isEnd = false
        var following = node
        if thread != node.thread, canGoOn { following.preemptions += 1 }
        if following.preemptions > limit { continue }
        following.thread = thread
        model.step(&following.state, thread)
        open.append(following)
      }
      if !isEnd { continue }
      outcome.ends += 1
      if let fault = model.faultAtEnd(node.state) { outcome.faults.insert(fault) }
    }
    return outcome
  }

  private let closing: [LoopStep] = [.close, .awaitWakers, .freeBell, .open]
  /// What the loop's thread does beside the two pushers.
  private let scripts: [[LoopStep]] = [
    [.hear, .drain, .jump(0)],
    [.drain, .hear, .drain, .jump(1)],
    closing,
    [.drain] + closing,
    [.hear, .drain] + closing,
    [.hear, .drain, .hear, .drain] + closing,
    [.drain, .drain] + closing,
  ]

  @Suite struct RemoteQueueModelTests {
    @Test("every interleaving with up to 3 preemptions: nothing lost, doubled, unheard or late")
    func allInterleavings() {
      for script in scripts {
        let outcome = explore(Model(script: script, mutation: .none), preemptions: 3)
        #expect(outcome.faults == [], "\(script)")
        #expect(outcome.ends > 10, "\(script)")
        #expect(outcome.states > 1000, "\(script)")
      }
    }

    @Test("the model can fail: each mutant is found")
    func mutants() {
      let expected: [(Mutation, String)] = [
        (.countsLate, "a bell was rung that had been freed"),
        (.closesAtOnce, "a bell was rung that had been freed"),
        (.ringsEarly, "what was pushed is never heard of"),
        (.ringsOnce, "what was pushed is never heard of"),
        (.ignoresTag, "a push reached the successor"),
      ]
      for (mutation, fault) in expected {
        var faults: Set<String> = []
        for script in scripts {
          faults.formUnion(
            explore(Model(script: script, mutation: mutation), preemptions: 3).faults)
        }
        #expect(faults.contains(fault), "\(mutation)")
      }
      #expect(expected.count == Mutation.allCases.count - 1)
    }

    @Test("one preemption finds a pusher that is counted late, none finds nothing")
    func preemptionsMatter() {
      let model = Model(script: [.close, .awaitWakers, .freeBell], mutation: .countsLate)
      #expect(explore(model, preemptions: 0).faults.isEmpty)
      #expect(!explore(model, preemptions: 1).faults.isEmpty)
    }
  }
#endif
