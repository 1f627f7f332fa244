// TSK-37, 38 and 41: failures that nobody reads, and where tasks were created.

import CEddy
import Eddy
import Testing

@Suite struct ReportRows {
  @Test("TSK-37: nobody holds or observes a task that fails: reported once, at its end")
  func atItsEnd() throws {
    let reports = try onReportingLoop { reports in
      _ = try? spawn { throw Boom(number: 1) }
      reports.add("spawned")
      _ = sleepInC(1)
      reports.add("later")
      _ = sleepInC(1)
    }
    #expect(reports.count == 3)
    #expect(reports.first == "spawned" && reports.last == "later")
    #expect(reports.dropFirst().first?.contains("Boom(number: 1)") == true)
  }

  @Test("TSK-37: else when its last handle goes unread, or at the loop's close")
  func withTheLastHandle() throws {
    let kept = Cell<TaskHandle<Void>?>(nil)
    let reports = try onReportingLoop { reports in
      let handle = Cell(try? spawn { throw Boom(number: 2) })
      kept.value = try? spawn { throw Boom(number: 3) }
      _ = sleepInC(1)
      reports.add("ended")
      handle.value = nil
      reports.add("dropped")
    }
    #expect(reports.count == 5)
    #expect(reports.first == "ended")
    #expect(reports.dropFirst().first?.contains("Boom(number: 2)") == true)
    #expect(reports.dropFirst(2).first == "dropped")
    #expect(reports.dropFirst(3).first?.contains("Boom(number: 3)") == true)
    // The handle itself, which has outlived its loop.
    #expect(reports.last?.hasPrefix("EBUSY references were left") == true)
    kept.value = nil
  }

  @Test("TSK-37: what was read, by either verb and either language, is not reported")
  func read() throws {
    let reports = try onReportingLoop { reports in
      guard let one = try? spawn({ throw Boom(number: 4) }),
        let two = try? spawn({ throw Boom(number: 5) }),
        let three = try? spawn({ throw Boom(number: 6) }),
        let fiber = try? spawnC({ eddy_fail_text(-22, "no") })
      else { return }
      let reader = try? spawn {
        reports.add(await outcome { try await one.value })
        reports.add(await outcome { try await two.join() })
        reports.add(await outcome { try await fiber.join() })
      }
      _ = reader.map { eddy_task_join($0.task, nil) }
      reports.add(name(eddy_task_join(three.task, nil)))
    }
    #expect(reports == ["Boom4", "Boom5", "EINVAL", "EFOREIGN"])
  }

  @Test("TSK-38: cancelling a task that has failed counts as reading")
  func cancelledCountsAsRead() throws {
    let reports = try onReportingLoop { reports in
      let handle = Cell(try? spawn { throw Boom(number: 7) })
      _ = sleepInC(1)
      handle.value?.cancel()
      handle.value = nil
      reports.add("dropped")
      _ = sleepInC(1)
    }
    #expect(reports == ["dropped"])
  }

  @Test("TSK-41: a task knows where it was created")
  func site() throws {
    let sites = try onLoop { () -> [String?] in
      func site<Value>(_ task: TaskHandle<Value>) -> String? {
        info(task.task).site.map { String(cString: $0) }
      }
      return try await withGroup { group in
        [
          site(try spawn {}), site(try spawn({ _ in EDDY_OK })),
          site(try group.spawn {}), site(try group.spawn({ _ in EDDY_OK })),
        ]
      }
    }
    for site in sites { #expect(site?.contains("ReportRows.swift:") == true) }
  }
}
