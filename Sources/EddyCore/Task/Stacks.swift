// Stacks of tasks: carved from slabs, each above a guard, pooled by size.
//
// Owns the slabs. A stack's own record stands at its top, so a pooled stack costs nothing
// elsewhere.
// Invariants:
// 1. Below each stack lie 64 KiB that fault at any access.
// 2. A stack is in the pool or held by one task; a slab is unmapped only when all its stacks are in
//    the pool.
// 3. Sizes are powers of two from 64 KiB to 1 GiB.
// Threads: the loop's.

import CEddy
import EddySwitch

let guardBytes = 64 << 10
let smallestStack = 64 << 10
let largestStack = 1 << 30
private let classCount = 15
/// Pooled stacks of one size that are kept whatever happens.
#if EDDY_HOSTILE
  private let keptStacks = 2
  private let slabBytesGoal = 2 << 20
  /// What is filled of a free stack; the pages below are given back.
  private let filledBytes = 8 << 10
#else
  private let keptStacks = 256
  private let slabBytesGoal = 16 << 20
#endif
/// Stacks lie at equal offsets of their pages, so the tops of all would share a few sets of the
/// cache. Shifting each by one of eight steps spreads them: Documentation/decisions/switching.md.
private let colourBytes = 192

struct StackRecord {
  var fiber: eddy_sw_fiber
  /// Of the task that holds it. At rest, in the pool too, it is `none`, `running` and not armed.
  var park: Park
  var nextFree: Ref<StackRecord>?
  var slab: Ref<SlabRecord>?
  var low: UnsafeMutableRawPointer?
  var bytes: Int
  /// Bytes at the top that are not for frames: this record, and the shift before it.
  var skipBytes: Int
}

struct SlabRecord {
  var next: Ref<SlabRecord>?
  var memory: UnsafeMutableRawPointer?
  var bytes: Int
  var stackCount: Int
  var carved: Int
  /// Stacks of it that tasks hold.
  var held: Int
}

struct StackClass {
  var free: Ref<StackRecord>?
  var freeCount: Int
  var slabs: Ref<SlabRecord>?
  var emptySlabs: Int
}

struct StackPool {
  fileprivate var classes: Vector<StackClass>
  var allocator: eddy_stack_allocator_t
  /// A stack of the user's allocator whose task has ended on it; given back from the loop's stack.
  var ended: Ref<StackRecord>?
  fileprivate var colour: Int
  #if EDDY_HOSTILE
    /// Given back, and its task may still stand on it; filled by whoever comes next.
    fileprivate var unfilled: Ref<StackRecord>?
  #endif
}

extension Ref where Record == StackPool {
  func open(_ allocator: eddy_stack_allocator_t) -> Bool {
    self.allocator = allocator
    guard self.classes.reserve(classCount) else { return false }
    for _ in 0..<classCount {
      _ = self.classes.append(
        StackClass(free: nil, freeCount: 0, slabs: nil, emptySlabs: 0))
    }
    return true
  }

  /// The smallest size offered that has `bytes`.
  static func rounded(_ bytes: Int) -> Int {
    var size = smallestStack
    while size < bytes { size <<= 1 }
    return size
  }

  /// A stack of `bytes`, which is a rounded size; nil when memory, mappings or the user's are out.
  @inline(__always)
  @_optimize(speed)
  func take(_ bytes: Int) -> Ref<StackRecord>? {
    #if EDDY_HOSTILE
      fillLast()
    #endif
    if self.allocator.allocate != nil { return takeFromUser(bytes) }
    let index = bytes.trailingZeroBitCount &- smallestStack.trailingZeroBitCount
    var entry = self.classes[index]
    if let stack = entry.free {
      entry.free = stack.nextFree
      entry.freeCount &-= 1
      #if EDDY_HOSTILE
        checkFill(of: stack)
      #endif
      let slab = stack.slab.unsafelyUnwrapped
      if slab.held == 0 { entry.emptySlabs &-= 1 }
      slab.held &+= 1
      self.classes[index] = entry
      return stack
    }
    return carve(index, bytes)
  }

  /// Puts a stack back. The caller may still stand on it, up to its next switch.
  @inline(__always)
  @_optimize(speed)
  func give(_ stack: Ref<StackRecord>) {
    guard let slab = stack.slab else {
      self.ended = stack
      return
    }
    #if EDDY_HOSTILE
      fillLast()
      self.unfilled = stack
    #endif
    let index = stack.bytes.trailingZeroBitCount &- smallestStack.trailingZeroBitCount
    var entry = self.classes[index]
    stack.nextFree = entry.free
    entry.free = stack
    entry.freeCount &+= 1
    slab.held &-= 1
    if slab.held == 0 { entry.emptySlabs &+= 1 }
    self.classes[index] = entry
  }

  /// Gives a dead stack back to the user's allocator; called on the loop's stack.
  func collectEnded() {
    guard let stack = self.ended else { return }
    self.ended = nil
    giveToUser(stack)
  }

  func giveToUser(_ stack: Ref<StackRecord>) {
    eddy_sw_fiber_destroy(stack.at.fiber)
    guard let low = stack.low, let deallocate = self.allocator.deallocate else { return }
    Gate.close()
    deallocate(self.allocator.context, low, stack.bytes)
    Gate.open()
  }

  private func takeFromUser(_ bytes: Int) -> Ref<StackRecord>? {
    guard let allocate = self.allocator.allocate else { return nil }
    Gate.close()
    let low = allocate(self.allocator.context, bytes)
    Gate.open()
    guard let low, UInt(bitPattern: low) & 15 == 0 else { return nil }
    return place(low, bytes, slab: nil)
  }

  private func carve(_ index: Int, _ bytes: Int) -> Ref<StackRecord>? {
    let stride = bytes &+ guardBytes
    var entry = self.classes[index]
    var slab = entry.slabs
    if let full = slab, full.carved == full.stackCount { slab = nil }
    if slab == nil {
      guard let fresh = makeSlab(stride) else { return nil }
      fresh.next = entry.slabs
      entry.slabs = fresh
      entry.emptySlabs &+= 1
      self.classes[index] = entry
      slab = fresh
    }
    guard let slab, let memory = slab.memory else { return nil }
    let low = memory + stride &* slab.carved
    guard eddy_sw_guard(low, guardBytes) == 0 else { return nil }
    slab.carved &+= 1
    if slab.held == 0 { self.classes[index].emptySlabs &-= 1 }
    slab.held &+= 1
    return place(low + guardBytes, bytes, slab: slab)
  }

  private func makeSlab(_ stride: Int) -> Ref<SlabRecord>? {
    guard let record = Memory.allocate(SlabRecord.self, count: 1) else { return nil }
    let slab = Ref<SlabRecord>(record)
    slab.stackCount = max(1, slabBytesGoal / stride)
    slab.bytes = stride &* slab.stackCount
    slab.memory = eddy_sw_map(slab.bytes)
    if slab.memory == nil {
      Memory.free(record)
      return nil
    }
    return slab
  }

  private func place(
    _ low: UnsafeMutableRawPointer, _ bytes: Int, slab: Ref<SlabRecord>?
  ) -> Ref<StackRecord> {
    self.colour = (self.colour &+ 1) & 7
    let record = (MemoryLayout<StackRecord>.size &+ 63) & ~63
    let room = record &+ self.colour &* colourBytes
    let stack = Ref<StackRecord>(raw: low + (bytes &- room))
    stack.slab = slab
    stack.low = low
    stack.bytes = bytes
    stack.skipBytes = room
    stack.nextFree = nil
    stack.park.kind = .none
    stack.park.state = .running
    stack.park.timer.position = 0
    stack.park.waiter = Waiter(next: nil, previous: nil, wake: nil, owner: nil, isCallback: false)
    eddy_sw_fiber_init(stack.at.fiber, low, bytes)
    return stack
  }
}

extension Ref where Record == StackPool {
  /// Unmaps whole slabs that no task uses, beyond what is kept. Called when the loop is idle.
  @_optimize(speed)
  func trim() {
    #if EDDY_HOSTILE
      fillLast()
    #endif
    for index in 0..<self.classes.count {
      let entry = self.classes[index]
      let perSlab = entry.slabs?.stackCount ?? 1
      let spare = (entry.freeCount &- keptStacks) / perSlab
      if spare > 1, entry.emptySlabs > 1 { unmapEmptySlabs(index, atMost: spare) }
    }
  }

  func close() {
    #if EDDY_HOSTILE
      fillLast()
    #endif
    for index in 0..<self.classes.count { unmapEmptySlabs(index, atMost: Int.max) }
    self.classes.free()
  }

  private func unmapEmptySlabs(_ index: Int, atMost limit: Int) {
    var entry = self.classes[index]
    var chosen: Ref<SlabRecord>?
    var kept: Ref<SlabRecord>?
    var count = 0
    while let slab = entry.slabs {
      entry.slabs = slab.next
      if slab.held == 0, count < limit {
        slab.held = -1
        slab.next = chosen
        chosen = slab
        count &+= 1
      } else {
        slab.next = kept
        kept = slab
      }
    }
    entry.slabs = inOrder(kept)
    entry.emptySlabs &-= count
    var free = entry.free
    entry.free = nil
    entry.freeCount = 0
    while let stack = free {
      free = stack.nextFree
      if stack.slab.unsafelyUnwrapped.held == -1 {
        eddy_sw_fiber_destroy(stack.at.fiber)
      } else {
        stack.nextFree = entry.free
        entry.free = stack
        entry.freeCount &+= 1
      }
    }
    self.classes[index] = entry
    while let slab = chosen {
      chosen = slab.next
      if let memory = slab.memory { eddy_sw_unmap(memory, slab.bytes) }
      Memory.free(slab.pointer)
    }
  }

  /// The list the other way round: the slab that is being carved stays first.
  private func inOrder(_ list: Ref<SlabRecord>?) -> Ref<SlabRecord>? {
    var rest = list
    var result: Ref<SlabRecord>?
    while let slab = rest {
      rest = slab.next
      slab.next = result
      result = slab
    }
    return result
  }
}

extension Ref where Record == StackPool {
  /// Stacks of the library's own that tasks hold.
  var heldStacks: Int {
    var held = 0
    for index in 0..<self.classes.count {
      var slab = self.classes[index].slabs
      while let next = slab {
        held &+= next.held
        slab = next.next
      }
    }
    return held
  }
}

#if EDDY_HOSTILE
  extension Ref where Record == StackPool {
    /// Fills what lies below the record of the stack that was given back last: nobody stands on it
    /// any more when the next one comes or goes.
    fileprivate func fillLast() {
      guard let stack = self.unfilled, let low = stack.low else { return }
      self.unfilled = nil
      let page = Int(eddy_sw_page_bytes())
      let bottom = (UInt(bitPattern: stack.raw) &- UInt(filledBytes)) & ~UInt(page &- 1)
      let start = UnsafeMutableRawPointer(bitPattern: bottom).unsafelyUnwrapped
      eddy_sw_discard(low, start - low)
      eddy_sw_poison(start, stack.raw - start)
    }

    fileprivate func checkFill(of stack: Ref<StackRecord>) {
      let start = stack.raw - filledBytes
      invariant(
        eddy_sw_is_poisoned(start, filledBytes) != 0, "hostile: a freed stack was written to")
    }

    /// Counts of stacks and slabs; `held` is how many the tasks have.
    func check(held: Int) {
      var heldInSlabs = 0
      for index in 0..<self.classes.count {
        let entry = self.classes[index]
        var free = 0
        var cursor = entry.free
        while let stack = cursor, free <= entry.freeCount {
          free &+= 1
          cursor = stack.nextFree
        }
        invariant(free == entry.freeCount, "hostile: stack pool: its free stacks are miscounted")
        var carved = 0
        var empty = 0
        var inUse = 0
        var slabs = entry.slabs
        while let slab = slabs {
          invariant(
            slab.held >= 0 && slab.held <= slab.carved && slab.carved <= slab.stackCount,
            "hostile: stack pool: a slab's counts are out of range")
          carved &+= slab.carved
          inUse &+= slab.held
          if slab.held == 0 { empty &+= 1 }
          slabs = slab.next
        }
        invariant(carved == free &+ inUse, "hostile: stack pool: a stack is lost")
        invariant(empty == entry.emptySlabs, "hostile: stack pool: empty slabs are miscounted")
        heldInSlabs &+= inUse
      }
      invariant(heldInSlabs == held, "hostile: stack pool: tasks hold another number of stacks")
    }

    func plantCount() -> Bool {
      for index in 0..<self.classes.count where self.classes[index].slabs != nil {
        var entry = self.classes[index]
        entry.freeCount &+= 1
        self.classes[index] = entry
        return true
      }
      return false
    }

    func plantWrite() -> Bool {
      for index in 0..<self.classes.count {
        var free = self.classes[index].free
        if free == self.unfilled { free = free?.nextFree }
        guard let stack = free else { continue }
        (stack.raw - 64).storeBytes(of: 1, as: UInt8.self)
        return true
      }
      return false
    }
  }
#endif
