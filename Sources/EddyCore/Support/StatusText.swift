// Names and meanings of statuses: Eddy's own, libuv's that are no errno, and the system's.
//
// Owns static text only. Invariant: no call allocates. Threads: any.

import CEddy
import EddySwitch

func staticText(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

func statusName(_ status: eddy_status_t) -> UnsafePointer<CChar> {
  if let own = ownStatus(status) { return staticText(own.name) }
  if status < 0, status > -3000, let name = eddy_sw_errno_name(-status) { return name }
  return staticText("UNKNOWN")
}

func statusText(_ status: eddy_status_t) -> UnsafePointer<CChar> {
  if let own = ownStatus(status) { return staticText(own.text) }
  if status < 0, status > -3000, let text = eddy_sw_errno_text(-status) { return text }
  return staticText("no such status")
}

private struct StatusEntry {
  let name: StaticString
  let text: StaticString

  init(_ name: StaticString, _ text: StaticString) {
    self.name = name
    self.text = text
  }
}

private func ownStatus(_ status: eddy_status_t) -> StatusEntry? {
  switch status {
  case EDDY_OK: StatusEntry("EDDY_OK", "success")
  case EDDY_EPERM: StatusEntry("EDDY_EPERM", "not the caller's to do")
  case EDDY_E2BIG: StatusEntry("EDDY_E2BIG", "options longer than the library knows")
  case EDDY_ENOMEM: StatusEntry("EDDY_ENOMEM", "out of memory, stacks, slots or mappings")
  case EDDY_EBUSY: StatusEntry("EDDY_EBUSY", "in use, or not allowed just now")
  case EDDY_EINVAL: StatusEntry("EDDY_EINVAL", "a parameter is out of its range")
  case EDDY_ECANCELED: StatusEntry("EDDY_ECANCELED", "cancelled")
  case EDDY_ETIMEDOUT: StatusEntry("EDDY_ETIMEDOUT", "the deadline has passed")
  case EDDY_EGROUP: StatusEntry("EDDY_EGROUP", "a group failed")
  case EDDY_ETARGETCANCELED:
    StatusEntry("EDDY_ETARGETCANCELED", "what was waited for ended cancelled")
  case EDDY_EFOREIGNCANCEL:
    StatusEntry("EDDY_EFOREIGNCANCEL", "a cancellation came out of no cancelled scope")
  case EDDY_EGRACE: StatusEntry("EDDY_EGRACE", "something did not end within its grace")
  case EDDY_ESCOPELEAK: StatusEntry("EDDY_ESCOPELEAK", "a scope was left open")
  default: laterStatus(status)
  }
}

private func laterStatus(_ status: eddy_status_t) -> StatusEntry? {
  switch status {
  case EDDY_EBADHANDLE: StatusEntry("EDDY_EBADHANDLE", "null, stale or wrong-kind handle")
  case EDDY_EWRONGTHREAD: StatusEntry("EDDY_EWRONGTHREAD", "the loop is another thread's")
  case EDDY_ENOTTASK:
    StatusEntry("EDDY_ENOTTASK", "only a task on its own stack can do this")
  case EDDY_EPENDING: StatusEntry("EDDY_EPENDING", "not done yet")
  case EDDY_EALREADY: StatusEntry("EDDY_EALREADY", "done before")
  case EDDY_ETAKEN: StatusEntry("EDDY_ETAKEN", "the value was moved out")
  case EDDY_ECLOSED: StatusEntry("EDDY_ECLOSED", "the target accepts no more")
  case EDDY_EBROKEN: StatusEntry("EDDY_EBROKEN", "the owner ended without handing on")
  case EDDY_EDEADLK: StatusEntry("EDDY_EDEADLK", "this wait could never end")
  case EDDY_EFORKED: StatusEntry("EDDY_EFORKED", "the loop belongs to the parent process")
  case EDDY_EVERSION: StatusEntry("EDDY_EVERSION", "the header is newer than the library")
  case EDDY_EFOREIGN: StatusEntry("EDDY_EFOREIGN", "an error of a foreign runtime")
  case EDDY_EEND: StatusEntry("EDDY_EEND", "there is no more")
  case EDDY_ESTOPPED: StatusEntry("EDDY_ESTOPPED", "the loop was stopped first")
  case EDDY_EINTERRUPT:
    StatusEntry("EDDY_EINTERRUPT", "a signal asked the program to end")
  case -4095: StatusEntry("EOF", "end of file")
  case -4094: StatusEntry("UNKNOWN", "unknown error")
  case -4080: StatusEntry("ECHARSET", "invalid Unicode character")
  case -3014 ... -3000: StatusEntry("EAI", "the name could not be resolved")
  default: nil
  }
}
