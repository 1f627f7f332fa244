// The law's step 5, as a table: every combination of facts has one verdict.

#if BundledCore
  import CEddy
  import Testing

  @testable import EddyCore

  @Suite struct CloseRuleTests {
    private func verdict(
      _ status: eddy_status_t, group: Bool = false, root: Bool = false, childErrors: Bool = false,
      own: Bool = false, outer: Bool = false, deadline: Bool = false
    ) -> eddy_status_t {
      closeVerdict(
        CloseFacts(
          status: status, isGroup: group, isRoot: root, hasChildErrors: childErrors, own: own,
          outer: outer, ownByDeadline: deadline)
      ).status
    }

    @Test("cancellation.md step 5: EDDY_ECANCELED in a scope that is no group")
    func cancelled() {
      #expect(verdict(EDDY_ECANCELED, outer: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_ECANCELED, own: true, outer: true, deadline: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_ECANCELED, own: true, deadline: true) == EDDY_ETIMEDOUT)
      #expect(verdict(EDDY_ECANCELED, own: true) == EDDY_OK)
      #expect(verdict(EDDY_ECANCELED) == EDDY_EFOREIGNCANCEL)
    }

    @Test("cancellation.md: nothing absorbs at a root scope")
    func root() {
      #expect(verdict(EDDY_ECANCELED, root: true, own: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_ECANCELED, root: true, own: true, deadline: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_ECANCELED, root: true) == EDDY_EFOREIGNCANCEL)
      #expect(verdict(EDDY_OK, root: true, own: true, outer: true) == EDDY_OK)
    }

    @Test("TG-10, TG-12, TG-15: a failed body is wrapped, and told apart from a cancelled one")
    func groups() {
      #expect(verdict(EDDY_EINVAL, group: true) == EDDY_EGROUP)
      #expect(verdict(EDDY_ECANCELED, group: true) == EDDY_EGROUP)
      #expect(verdict(EDDY_ECANCELED, group: true, own: true) == EDDY_OK)
      #expect(verdict(EDDY_ECANCELED, group: true, outer: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_OK, group: true, outer: true) == EDDY_ECANCELED)
      #expect(verdict(EDDY_OK, group: true, own: true) == EDDY_OK)
    }

    @Test("TG-07, TG-19, TG-20: children's errors win over every cancellation")
    func childErrors() {
      for outer in [false, true] {
        for own in [false, true] {
          for status in [EDDY_OK, EDDY_ECANCELED, EDDY_EINVAL] {
            #expect(
              verdict(status, group: true, childErrors: true, own: own, outer: outer) == EDDY_EGROUP
            )
          }
        }
      }
    }

    @Test("TO-11: another failure is unchanged, and the scope's reason becomes its cause")
    func otherFailures() {
      for isOwn in [false, true] {
        let result = closeVerdict(
          CloseFacts(
            status: EDDY_EINVAL, isGroup: false, isRoot: false, hasChildErrors: false, own: isOwn,
            outer: true, ownByDeadline: isOwn))
        #expect(
          result == CloseVerdict(status: EDDY_EINVAL, bodyFailure: EDDY_OK, addsReason: isOwn))
      }
    }

    @Test("M9: a foreign cancellation of a group's body goes along under its own name")
    func foreignBody() {
      let result = closeVerdict(
        CloseFacts(
          status: EDDY_ECANCELED, isGroup: true, isRoot: false, hasChildErrors: true, own: false,
          outer: false, ownByDeadline: false))
      #expect(result.bodyFailure == EDDY_EFOREIGNCANCEL)
    }
  }
#endif
