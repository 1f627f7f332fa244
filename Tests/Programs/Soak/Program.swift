// A random program: what it consists of, and how people read it.
//
// A program is a tree: a spawn carries the body of its task, a scope its own body. Each operation
// runs at most once, so that its number names it in traces, in the model and in lists of what to
// leave out. Tasks, scopes and futures are named T1, S7, F0.
//
// Threads: any.

enum Kind: Int, CaseIterable {
  case spawn, join, wait, cancelTask, dropTask, takeTask
  case sleep, yield, checkpoint
  case plain, group, timeout, shield, cleanup, cancelScope
  case fail, foreignCancel
  case waitFuture, takeFuture, complete, failFuture, cancelFuture, onDone, post

  var isScope: Bool {
    switch self {
    case .plain, .group, .timeout, .shield: true
    default: false
    }
  }
}

enum Language: Int { case c, swift }

struct Op {
  var id: Int
  var kind: Kind
  /// A task, a scope or a future, by kind.
  var target = 0
  /// Of a spawn: the group, or -1 for the loop.
  var place = -1
  /// Milliseconds of a sleep, a timeout or a shield's grace.
  var time: Int64 = 0
  var status: Int32 = 0
  /// A failure ends the block, and is what the block ends with.
  var tries = false
  /// Of a spawn of a C function: through Swift's API, so that Swift tasks can wait for it.
  var isSwiftSpawn = false
  /// Of a spawn of a C function: nobody gets a handle.
  var isUnheld = false
  /// Of a C task's scope: eddy_call or eddy_with_timeout, which bind it to a function.
  var isCall = false
  /// Of a C task's group: its time is a deadline.
  var hasDeadline = false
  var body: [Op] = []
}

struct TaskSpec {
  var language = Language.c
  var body: [Op] = []
}

struct Program {
  var tasks: [TaskSpec] = []
  var opCount = 0
  static let futures = 3

  var hasSwift: Bool { tasks.contains { $0.language == .swift } }
}

/// What is left out of a program to find a smaller one that still fails.
struct Cuts {
  /// Operations that are gone, with all that is inside them.
  var dropped: Set<Int> = []
  /// Scopes whose bodies stand alone.
  var unwrapped: Set<Int> = []

  func applied(to program: Program) -> Program {
    var small = program
    for index in small.tasks.indices { small.tasks[index].body = cut(small.tasks[index].body) }
    var reached: Set<Int> = [0]
    var queue = [0]
    while let task = queue.popLast() {
      spawned(in: small.tasks[task].body) { child in
        if reached.insert(child).inserted { queue.append(child) }
      }
    }
    for index in small.tasks.indices where !reached.contains(index) {
      small.tasks[index] = TaskSpec()
    }
    return small
  }

  private func cut(_ ops: [Op]) -> [Op] {
    ops.flatMap { op -> [Op] in
      if dropped.contains(op.id) { return [] }
      if unwrapped.contains(op.id) { return cut(op.body) }
      var op = op
      op.body = cut(op.body)
      return [op]
    }
  }

  private func spawned(in ops: [Op], _ visit: (Int) -> Void) {
    for op in ops {
      if op.kind == .spawn { visit(op.target) }
      spawned(in: op.body, visit)
    }
  }
}

extension Op {
  private var form: String { isCall ? "\(kind) (a call)" : "\(kind)" }

  /// One line: what it does, to whom.
  var text: String {
    let attempt = tries ? " or end" : ""
    switch kind {
    case .spawn:
      let home = place < 0 ? "in the loop" : "in S\(place)"
      let how = isSwiftSpawn ? ", through Swift" : isUnheld ? ", with no handle" : ""
      return "spawn T\(target) \(home)\(how)\(attempt)"
    case .join, .wait, .cancelTask, .dropTask, .takeTask: return "\(kind) T\(target)\(attempt)"
    case .sleep: return "sleep \(time) ms\(attempt)"
    case .plain: return "S\(id): \(form)\(attempt)"
    case .group:
      return "S\(id): \(form)\(hasDeadline ? " with \(time) ms" : "")\(attempt)"
    case .timeout: return "S\(id): \(form) of \(time) ms\(attempt)"
    case .shield: return "S\(id): \(form) with \(time) ms of grace\(attempt)"
    case .cancelScope: return "cancel S\(target)"
    case .fail: return "fail with \(status)"
    case .waitFuture, .takeFuture, .complete, .failFuture, .cancelFuture, .onDone:
      return "\(kind) F\(target)\(attempt)"
    default: return "\(kind)\(attempt)"
    }
  }
}

extension Program {
  var text: String {
    var lines: [String] = []
    func add(_ ops: [Op], _ indent: String) {
      for op in ops {
        lines.append("\(indent)[\(op.id)] \(op.text)")
        add(op.body, indent + "  ")
      }
    }
    for (index, task) in tasks.enumerated() where index == 0 || !task.body.isEmpty {
      lines.append(
        "T\(index), \(task.language == .c ? "C" : "Swift")\(index == 0 ? ", root" : ""):")
      add(task.body, "  ")
    }
    return lines.joined(separator: "\n")
  }

  /// The numbers of all operations that are there, and of those among them that are scopes.
  var numbers: (all: [Int], scopes: [Int]) {
    var all: [Int] = []
    var scopes: [Int] = []
    func add(_ ops: [Op]) {
      for op in ops {
        all.append(op.id)
        if op.kind.isScope { scopes.append(op.id) }
        add(op.body)
      }
    }
    for task in tasks { add(task.body) }
    return (all, scopes)
  }
}
