// Slots, handles, vectors and text.

#if BundledCore
  import Testing

  @testable import EddyCore

  private struct Cell {
    var slot: SlotHeader
    var number: Int
  }

  @Suite struct SlotTableTests {
    @Test("abi.md, handles: a freed slot's id is stale, and its next one differs")
    func staleIds() {
      var table = SlotTable<Cell>(loopNumber: 3, firstGeneration: 1)
      defer { table.freeAll() }
      let first = table.take(.future)!
      let id = first.slot.id
      #expect(Handle.kind(id) == HandleKind.future.rawValue)
      #expect(Handle.loopNumber(id) == 3)
      #expect(table.find(id) == first)
      table.invalidate(first)
      #expect(table.find(id) == nil)
      table.recycle(first)
      let second = table.take(.future)!
      #expect(second == first)
      #expect(second.slot.id != id)
      #expect(table.find(id) == nil)
    }

    @Test("abi.md, handles: a slot whose generation is exhausted is retired")
    func retirement() {
      var table = SlotTable<Cell>(loopNumber: 1, firstGeneration: Handle.maximumGeneration)
      defer { table.freeAll() }
      let first = table.take(.task)!
      let id = first.slot.id
      table.invalidate(first)
      table.recycle(first)
      #expect(table.find(id) == nil)
      let second = table.take(.task)!
      #expect(second != first)
      #expect(table.nextGeneration == Handle.maximumGeneration + 1)
    }

    @Test("abi.md, handles: a successor begins above the highest generation")
    func successor() {
      var table = SlotTable<Cell>(loopNumber: 1, firstGeneration: 5)
      defer { table.freeAll() }
      for _ in 0..<10 {
        let cell = table.take(.task)!
        table.invalidate(cell)
        table.recycle(cell)
      }
      _ = table.take(.task)
      #expect(table.nextGeneration == 16)
    }

    @Test("many slots: each id finds its own record")
    func many() {
      var table = SlotTable<Cell>(loopNumber: 1, firstGeneration: 1)
      defer { table.freeAll() }
      var ids: [UInt64] = []
      for number in 0..<1000 {
        let cell = table.take(.scope)!
        cell.number = number
        ids.append(cell.slot.id)
      }
      #expect(Set(ids).count == 1000)
      for number in 0..<1000 { #expect(table.find(ids[number])?.number == number) }
    }
  }

  @Suite struct TextTests {
    @Test("a sink cuts to fit, terminates, and tells what the whole needs")
    func sink() {
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: 6)
      defer { buffer.deallocate() }
      var sink = TextSink(buffer, capacity: 6)
      sink.put("task-")
      sink.put(UInt(1234))
      #expect(sink.finish() == 10)
      #expect(String(cString: buffer) == "task-")
      var measure = TextSink(nil, capacity: 0)
      measure.put(-90)
      #expect(measure.finish() == 4)
    }

    @Test("rounded stack sizes are powers of two from 64 KiB")
    func stackSizes() {
      #expect(Ref<StackPool>.rounded(1) == 64 << 10)
      #expect(Ref<StackPool>.rounded(64 << 10) == 64 << 10)
      #expect(Ref<StackPool>.rounded((64 << 10) + 1) == 128 << 10)
      #expect(Ref<StackPool>.rounded(300_000) == 512 << 10)
    }

    @Test("a task is found from its place in the ready queue")
    func placeInRecord() {
      #expect(MemoryLayout<TaskRecord>.offset(of: \.ready) == MemoryLayout<Completion>.stride)
      #expect(MemoryLayout<LoopRecord>.offset(of: \.core) == 0)
      #expect(MemoryLayout<TimedScope>.offset(of: \.scope) == 0)
      #expect(MemoryLayout<DescriptorWait>.offset(of: \.number) == 0)
      #expect(MemoryLayout<TaskRecord>.size <= 472)
    }
  }
#endif
