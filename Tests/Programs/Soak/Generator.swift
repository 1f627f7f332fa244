// Makes a program from a seed.
//
// Rules that keep a program from building what has no good end: a task owns (joins, or has in its
// groups) only tasks with larger numbers, so that no ring of owning waits can form; a Swift task
// waits only for larger ones, since Swift's waits do not see that their target waits for them.
// Rings of waits that give up when cancelled are left in: they are the deadlocks that programs
// build.
//
// Threads: any.

import CEddy

struct Random {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0xD1B5_4A32_D192_ED03 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

struct Generator {
  private static let maxOps = 40
  private static let maxTasks = 12
  private static let times: [Int64] = [0, 1, 1, 2, 2, 3, 4, 6, 10, 50]
  private static let failures: [Int32] = [-5, -71, -22, EDDY_ETIMEDOUT, EDDY_EGROUP, EDDY_EFOREIGN]

  private var random: Random
  private var program = Program()
  private var groups: [Int] = []
  private var limit = 0
  private let isMixed: Bool

  private init(_ seed: UInt64) {
    random = Random(seed)
    isMixed = random.chance(60)
    limit = 14 + random.below(Self.maxOps - 14)
  }

  static func program(_ seed: UInt64) -> Program {
    var generator = Generator(seed)
    generator.program.tasks = [TaskSpec()]
    let helper = generator.helper()
    generator.program.tasks[0].body = helper + generator.rootBody()
    for task in generator.program.tasks.indices {
      let body = generator.program.tasks[task].body
      generator.program.tasks[task].body = generator.aimed(body, of: task)
    }
    return generator.program
  }

  /// In most programs a task settles what others wait for, so that few are deadlocks.
  private mutating func helper() -> [Op] {
    guard random.chance(70) else { return [] }
    let spawn = Op(id: newId(), kind: .spawn, target: 1)
    program.tasks.append(TaskSpec())
    for future in 0..<Program.futures {
      let time = Self.times[random.below(6)]
      program.tasks[1].body.append(Op(id: newId(), kind: .sleep, time: time))
      let kind: Kind = random.chance(80) ? .complete : .failFuture
      program.tasks[1].body.append(Op(id: newId(), kind: kind, target: future))
    }
    return [spawn]
  }

  /// Most roots wait for what they have begun, in a group or by sleeping; the others show what a
  /// shutdown does.
  private mutating func rootBody() -> [Op] {
    var ops: [Op] = []
    if random.chance(65) {
      var group = Op(id: newId(), kind: .group)
      groups.append(group.id)
      for _ in 0..<(1 + random.below(3)) {
        group.body.append(op(.spawn, in: 0, depth: 1, within: [group.id]))
      }
      group.body += block(in: 0, depth: 1, within: [group.id], length: 2 + random.below(6))
      ops = [group] + block(in: 0, depth: 0, within: [], length: random.below(3))
    } else {
      ops = block(in: 0, depth: 0, within: [], length: 4 + random.below(7))
    }
    if random.chance(40) { ops.append(Op(id: newId(), kind: .sleep, time: 20)) }
    return ops
  }

  private mutating func newId() -> Int {
    defer { program.opCount += 1 }
    return program.opCount
  }

  private static func weight(_ kind: Kind) -> Int {
    switch kind {
    case .spawn: 22
    case .sleep: 12
    case .group: 11
    case .timeout, .wait, .join: 9
    case .yield, .cancelTask: 7
    case .shield, .cleanup, .fail, .waitFuture: 6
    case .complete, .onDone: 5
    case .plain, .cancelScope: 4
    case .checkpoint, .failFuture, .cancelFuture, .post: 3
    case .takeTask, .takeFuture, .dropTask: 2
    case .foreignCancel: 1
    }
  }

  private static let bag: [Kind] = Kind.allCases.flatMap { Array(repeating: $0, count: weight($0)) }

  private static func isAllowed(_ kind: Kind, _ language: Language, _ depth: Int) -> Bool {
    switch kind {
    case .plain, .group, .timeout, .shield, .cleanup: return depth < 4 || kind == .timeout
    case .foreignCancel, .checkpoint, .waitFuture: return language == .c
    default: return true
    }
  }

  private mutating func kind(_ language: Language, _ depth: Int) -> Kind {
    while true {
      let kind = Self.bag[random.below(Self.bag.count)]
      if !Self.isAllowed(kind, language, depth) { continue }
      if kind == .spawn, program.tasks.count >= Self.maxTasks { continue }
      return kind
    }
  }

  private mutating func block(
    in task: Int, depth: Int, within scopes: [Int], length: Int
  ) -> [Op] {
    var ops: [Op] = []
    for _ in 0..<length where program.opCount < limit {
      let kind = kind(program.tasks[task].language, depth)
      ops.append(op(kind, in: task, depth: depth, within: scopes))
    }
    return ops
  }

  private mutating func op(
    _ kind: Kind, in task: Int, depth: Int, within scopes: [Int]
  ) -> Op {
    var op = Op(id: newId(), kind: kind, target: random.below(1 << 16))
    op.time = Self.times[random.below(Self.times.count)]
    op.tries = random.chance(kind == .spawn ? 10 : 45)
    op.status = Self.failures[random.below(Self.failures.count)]
    let isC = program.tasks[task].language == .c
    op.isCall = kind.isScope && isC && random.chance(30)
    op.hasDeadline = kind == .group && isC && op.time > 0 && random.chance(25)
    switch kind {
    case .spawn:
      addTask(&op, depth, scopes)
    case .group:
      groups.append(op.id)
      op.body = block(
        in: task, depth: depth + 1, within: scopes + [op.id], length: 2 + random.below(4))
    case .shield where op.time == 0 || random.chance(20):
      op.time = 5000
      op.body = block(in: task, depth: depth + 1, within: scopes, length: 1 + random.below(3))
    case .plain, .timeout, .shield, .cleanup:
      op.body = block(in: task, depth: depth + 1, within: scopes, length: 1 + random.below(3))
    case .onDone, .post:
      op.target %= Program.futures
      op.body = [callbackOp(in: task, depth: depth)]
    case .waitFuture, .takeFuture, .complete, .failFuture, .cancelFuture:
      op.target %= Program.futures
    default: break
    }
    return op
  }

  /// What a callback does: nothing that suspends.
  private mutating func callbackOp(in task: Int, depth: Int) -> Op {
    let kinds: [Kind] = [.complete, .failFuture, .cancelFuture, .cancelTask, .cancelScope, .spawn]
    let kind = kinds[random.below(kinds.count)]
    var op = Op(id: newId(), kind: kind, target: random.below(1 << 16))
    if kind == .spawn, program.tasks.count < Self.maxTasks {
      addTask(&op, depth, [])
    } else if kind == .spawn {
      op.kind = .complete
    }
    if kind != .cancelTask, kind != .cancelScope, op.kind != .spawn { op.target %= Program.futures }
    return op
  }

  private mutating func addTask(_ op: inout Op, _ depth: Int, _ scopes: [Int]) {
    let child = program.tasks.count
    op.target = child
    op.isSwiftSpawn = isMixed && random.chance(60)
    if let group = scopes.last, random.chance(75) {
      op.place = random.chance(80) ? group : scopes[random.below(scopes.count)]
    } else if let group = groups.last, random.chance(30) {
      op.place = random.chance(50) ? group : groups[random.below(groups.count)]
    }
    op.isUnheld = !op.isSwiftSpawn && random.chance(10)
    let language: Language = isMixed && random.chance(55) ? .swift : .c
    program.tasks.append(TaskSpec(language: language))
    let body = block(in: child, depth: max(depth, 1), within: [], length: 1 + random.below(6))
    program.tasks[child].body = body
  }

  /// Chooses targets, now that all tasks and groups are known.
  private mutating func aimed(_ ops: [Op], of task: Int) -> [Op] {
    let count = program.tasks.count
    return ops.map { op in
      var op = op
      op.body = aimed(op.body, of: task)
      switch op.kind {
      case .join, .wait, .takeTask, .cancelTask, .dropTask:
        let isBound = program.tasks[task].language == .swift || op.kind == .join
        if !isBound || op.kind == .cancelTask || op.kind == .dropTask {
          op.target %= count
        } else if task + 1 < count {
          op.target = task + 1 + op.target % (count - task - 1)
        } else {
          op.kind = .yield
        }
      case .cancelScope:
        if groups.isEmpty {
          op.kind = .yield
        } else {
          op.target = groups[op.target % groups.count]
        }
      default: break
      }
      return op
    }
  }
}
