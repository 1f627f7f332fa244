// The ready queue's rounds and orders, the timer heap's order, and the park's transitions.

#if BundledCore
  import Testing

  @testable import EddyCore

  /// Runnables with numbers, in memory that does not move.
  private final class Runners {
    let cells: UnsafeMutablePointer<Runnable>
    let count: Int

    init(_ count: Int, tasks: Bool = true) {
      self.count = count
      cells = .allocate(capacity: count)
      for index in 0..<count {
        cells[index] = Runnable(next: nil, run: nil, owner: nil, isQueued: false, isTask: tasks)
      }
    }

    deinit { cells.deallocate() }

    func number(_ cell: UnsafeMutablePointer<Runnable>) -> Int { cell - cells }
  }

  @Suite struct ReadyQueueTests {
    private func drain(_ queue: inout ReadyQueue, _ runners: Runners) -> [Int] {
      var order: [Int] = []
      while let next = queue.peek() {
        queue.removeFirst(next)
        order.append(runners.number(next))
      }
      return order
    }

    private func seededOrder(_ seed: UInt64, _ runners: Runners) -> [Int] {
      var queue = ReadyQueue(isSeeded: true, seed: seed)
      for index in 0..<runners.count { _ = queue.push(runners.cells + index) }
      defer { queue.free() }
      return drain(&queue, runners)
    }

    @Test("LOOP-01: first in, first out")
    func firstInFirstOut() {
      let runners = Runners(100)
      var queue = ReadyQueue(isSeeded: false, seed: 0)
      for index in 0..<100 { _ = queue.push(runners.cells + index) }
      #expect(drain(&queue, runners) == Array(0..<100))
      #expect(queue.isEmpty)
    }

    @Test("rounds: what becomes ready during a round runs in the next one")
    func rounds() {
      let runners = Runners(3)
      var queue = ReadyQueue(isSeeded: false, seed: 0)
      _ = queue.push(runners.cells)
      _ = queue.push(runners.cells + 1)
      let first = queue.peek()!  // begins the round
      queue.removeFirst(first)
      _ = queue.push(runners.cells + 2)
      let before = queue.rounds
      let second = queue.peek()!
      #expect(runners.number(second) == 1)
      #expect(queue.rounds == before)
      queue.removeFirst(second)
      let third = queue.peek()!
      #expect(runners.number(third) == 2)
      #expect(queue.rounds == before + 1)
    }

    @Test("seam: one seed, one order; nobody is lost; other seeds differ")
    func seeds() {
      let runners = Runners(50)
      let order = seededOrder(7, runners)
      #expect(order == seededOrder(7, runners))
      #expect(order.sorted() == Array(0..<50))
      #expect(order != seededOrder(8, runners))
      #expect(order != Array(0..<50))
    }

    @Test("seam: what is no task runs first, in its order")
    func othersFirst() {
      let runners = Runners(40)
      for index in stride(from: 1, to: 40, by: 4) { runners.cells[index].isTask = false }
      let order = seededOrder(3, runners)
      #expect(Array(order.prefix(10)) == Array(stride(from: 1, to: 40, by: 4)))
    }
  }

  @Suite struct TimerHeapTests {
    @Test("LOOP-06: by deadline, then in order of arming, whatever is disarmed in between")
    func order() {
      var random = RandomSequence(seed: 11)
      let count = 2000
      let timers = UnsafeMutablePointer<Timer>.allocate(capacity: count)
      defer { timers.deallocate() }
      var heap = TimerHeap()
      var expected: [(deadline: Int64, order: Int, index: Int)] = []
      for index in 0..<count {
        timers[index] = Timer(position: 0, fire: nil, owner: nil)
        let deadline = Int64(random.next(below: 100))
        let isArmed = heap.arm(timers + index, at: deadline)
        #expect(isArmed)
        expected.append((deadline, index, index))
      }
      for index in 0..<count where random.next(below: 3) == 0 {
        heap.disarm(timers + index)
        expected.removeAll { $0.index == index }
      }
      expected.sort { ($0.deadline, $0.order) < ($1.deadline, $1.order) }
      var fired: [Int] = []
      while let timer = heap.takeDue(1000) { fired.append(timer - timers) }
      #expect(fired == expected.map(\.index))
      #expect(heap.isEmpty)
      heap.free()
    }

    @Test("a timer that is not due stays, and knows its deadline")
    func notDue() {
      var timer = Timer(position: 0, fire: nil, owner: nil)
      var heap = TimerHeap()
      withUnsafeMutablePointer(to: &timer) { pointer in
        let isArmed = heap.arm(pointer, at: 10)
        let early = heap.takeDue(9)
        #expect(isArmed && early == nil)
        #expect(heap.deadline(of: pointer) == 10)
        let due = heap.takeDue(10)
        #expect(due == pointer)
        #expect(heap.deadline(of: pointer) == nil)
      }
      heap.free()
    }
  }

  @Suite struct ParkTests {
    @Test("completion against cancellation: every transition of the pure state machine")
    func transitions() {
      let states: [ParkState] = [.running, .waiting, .passed, .completed, .cancelled]
      #expect(
        states.map(\.afterWake) == [.running, .completed, .completed, .completed, .cancelled])
      #expect(
        states.map { $0.afterCancel(.detached) }
          == [.running, .cancelled, .passed, .completed, .cancelled])
      #expect(
        states.map { $0.afterCancel(.pending) }
          == [.running, .passed, .passed, .completed, .cancelled])
    }
  }
#endif
