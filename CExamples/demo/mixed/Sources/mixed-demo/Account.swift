// After the group has failed and unwound: what was cancelled, by whom and why.
// Threads: the loop's.

import CEddy
import DemoC
import Eddy

struct Cancelled {
  var ofC = 0
  var ofSwift = 0
}

/// Every task that was live when the failure came must have ended, cancelled by it.
func tellWhatWasCancelled(_ ledger: Ledger, _ error: any Error) -> Cancelled {
  guard let group = error as? GroupError, group.errors.count == 1,
    group.errors[0] as? OnPurpose == OnPurpose()
  else { fail("the group did not fail with the error that was thrown: \(error)") }
  print(
    """
    5. A Swift task failed on purpose. Its error came back through C as itself:
       \(group). The group unwound:
    """)
  let culprits = ledger.all.filter { $0.info.state == EDDY_TASK_FAILED }
  expect(culprits.count == 1, "\(culprits.count) tasks have failed")
  var cancelled = Cancelled()
  for entry in ledger.all {
    let info = entry.info
    expect(!entry.isLive, "\(entry.name) has not ended")
    if info.state != EDDY_TASK_CANCELED { continue }
    if entry.isSwift { cancelled.ofSwift += 1 } else { cancelled.ofC += 1 }
    expect(
      info.reason.code == EDDY_REASON_CHILD,
      "\(entry.name) was cancelled for reason \(info.reason.code)")
    // The group itself asked, for the one child that failed.
    let asker = info.reason.asked_by
    let name = asker.id == 0 ? culprits[0].name : ledger.name(of: asker)
    print("     \(padded(entry.name)) cancelled by \(name): \(text(info.reason.message))")
  }
  expect(cancelled.ofSwift == slow + 1, "\(cancelled.ofSwift) Swift tasks were cancelled")
  expect(cancelled.ofC == 2 * slow + 2, "\(cancelled.ofC) C tasks were cancelled")
  return cancelled
}

func checkCleanups(_ figures: Figures, descriptorsBefore: Int32) {
  let all = full + slow + 1
  let counts = demo_counts()
  expect(counts.served == all && counts.cleanups == all, "C cleaned up \(counts)")
  expect(counts.idle == 1 && counts.unwound == slow, "C unwound \(counts)")
  expect(figures.opened == all && figures.cleanups == all, "Swift cleaned up \(figures.cleanups)")
  let left = demo_open_descriptors() - descriptorsBefore
  expect(left == 0, "\(left) descriptors are left")
}
