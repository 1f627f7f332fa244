// Reports: trouble that no code was there to receive, told to a closure of the loop's options.
//
// Invariants:
// 1. The closure is kept from before the loop is made until it has been closed.
// 2. It runs with no Swift task's bindings: the variables it reads are those of the task concerned.
// Threads: the loop's.

import CEddy

/// Something that went wrong and that no code was there to receive.
public struct Report: Sendable, CustomStringConvertible {
  /// What kind of trouble: a status of `eddy.h`.
  public let status: Int32
  /// One line or several, with the error as people read it.
  public let text: String
  /// Where what it concerns was created, as "file:line"; nil if that is not known.
  public let site: String?

  public var description: String {
    "\(String(cString: eddy_status_name(status))): \(text)" + (site.map { " (\($0))" } ?? "")
  }

  fileprivate init(_ report: eddy_report_t) {
    status = report.status
    text = String(cString: report.text)
    site = report.site.map { String(cString: $0) }
  }
}

/// Hears the reports of one loop.
public typealias ReportHandler = @Sendable (Report) throws -> Void

/// A handler on its way through C.
final class ReportBox {
  private let handler: ReportHandler
  init(_ handler: @escaping ReportHandler) { self.handler = handler }

  fileprivate func hear(_ report: Report) -> eddy_status_t {
    CurrentTask.$binding.withValue(nil) {
      CurrentTask.$place.withValue(nil) {
        do {
          try handler(report)
          return EDDY_OK
        } catch {
          return Eddy.status(of: error)
        }
      }
    }
  }

  /// Makes it the hook of a loop that is to be made, and that it outlives.
  func install(in options: inout eddy_loop_options_t) {
    options.report_context = Unmanaged.passUnretained(self).toOpaque()
    options.report = { context, report in
      Unmanaged<ReportBox>.fromOpaque(context!).takeUnretainedValue().hear(Report(report.pointee))
    }
  }
}
