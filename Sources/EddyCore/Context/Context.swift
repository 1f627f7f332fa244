// Contexts: where a list of bindings is kept, and by whom.
//
// A ContextPlace is one word in a task, in a registered callback and in the loop. It keeps the head
// of a list of its own, or shares a ContextRecord, which has a handle and may be in several places
// at once.
// Owns the loop's context records, tokens and bindings.
// Invariants:
// 1. A place that is not empty has one reference: to its head, or a hold on its record.
// 2. A ContextRecord is freed when it has no holds and no references of the user's (`slot.word`).
// 3. Every function that can end a value's last reference sweeps last of all.
// 4. `outside` is what is current where no task is: the loop's own, or while a callback runs that
//    callback's. Its id tells tokens the one from the other.
// 5. `own` has no handle and no end before the loop's; its id is 0, as that of `outside`.
// Threads: the loop's.

import CEddy

typealias ContextRef = Ref<ContextRecord>
typealias TokenRef = Ref<TokenRecord>

struct ContextRecord {
  var slot: SlotHeader
  var head: BindingRef?
  /// Places that share it, and runs in it.
  var holds: UInt32
}

/// What a set has replaced. `slot.word` is its one reference.
struct TokenRecord {
  var slot: SlotHeader
  /// The context that it was made in.
  var contextID: UInt64
  var variable: VariableAddress?
  /// nil: the variable was not set.
  var old: ValueRef?
}

/// Zero: empty. Even: the address of a head. Odd: that of a ContextRecord, plus one.
struct ContextPlace {
  private var word: UInt

  static var empty: ContextPlace { ContextPlace(word: 0) }

  private init(word: UInt) { self.word = word }

  init(head: BindingRef?) { word = UInt(bitPattern: head?.raw) }

  init(sharing context: ContextRef) { word = UInt(bitPattern: context.raw) | 1 }

  @inline(__always)
  var isEmpty: Bool { word == 0 }

  @inline(__always)
  var shared: ContextRef? {
    if word & 1 == 0 { return nil }
    return UnsafeMutableRawPointer(bitPattern: word & ~1).map { ContextRef(raw: $0) }
  }

  @inline(__always)
  var head: BindingRef? {
    if let shared { return shared.head }
    return UnsafeMutableRawPointer(bitPattern: word).map { BindingRef(raw: $0) }
  }

  /// The value that the context in this place gives a variable, or nil.
  func value(of variable: VariableAddress) -> ValueRef? { head?.valueBound(to: variable) }
}

/// The context that is current where no task is.
struct OutsideContext {
  var place: ContextPlace
  /// 0 for the loop's own, else the number of the callback's run.
  var id: UInt64
}

struct ContextCore {
  var outside: OutsideContext
  /// The loop's own, which root tasks run in as well.
  var own: ContextRecord
  var contexts: SlotTable<ContextRecord>
  var tokens: SlotTable<TokenRecord>
  /// Calls of eddy_context_run that have not returned.
  var openRuns: UInt32
  fileprivate var store: BindingStore
  fileprivate var lastCallback: UInt64

  init(loopNumber: Int, firstGeneration: UInt32) {
    outside = OutsideContext(place: .empty, id: 0)
    own = ContextRecord(slot: SlotHeader(id: 0, word: 0), head: nil, holds: 1)
    contexts = SlotTable(loopNumber: loopNumber, firstGeneration: firstGeneration)
    tokens = SlotTable(loopNumber: loopNumber, firstGeneration: firstGeneration)
    openRuns = 0
    store = BindingStore()
    lastCallback = 0
  }

  /// One above every generation that was given out.
  var nextGeneration: UInt32 { max(contexts.nextGeneration, tokens.nextGeneration) }

  mutating func freeAll() {
    contexts.freeAll()
    tokens.freeAll()
    store.free()
  }
}

extension Ref where Record == ContextCore {
  @inline(__always)
  private var store: Ref<BindingStore> { Ref<BindingStore>(self.at.store) }

  /// A copy of what is in a place: one more reference to the same head.
  @inline(__always)
  func copy(_ place: ContextPlace) -> ContextPlace {
    if place.isEmpty { return place }
    let head = place.head
    if let head { head.references &+= 1 }
    return ContextPlace(head: head)
  }

  /// A place that shares a context.
  func share(_ context: ContextRef) -> ContextPlace {
    context.holds &+= 1
    return ContextPlace(sharing: context)
  }

  /// Ends what a place held.
  @inline(__always)
  func drop(_ place: ContextPlace) {
    if !place.isEmpty { dropFull(place) }
  }

  @inline(never)
  private func dropFull(_ place: ContextPlace) {
    if let shared = place.shared {
      shared.holds &-= 1
      freeIfUnused(shared)
    } else {
      store.letGo(of: place.head)
    }
    store.sweep()
  }

  private func freeIfUnused(_ context: ContextRef) {
    guard context.holds == 0, context.slot.word == 0 else { return }
    store.letGo(of: context.head)
    context.head = nil
    self.contexts.invalidate(context)
    self.contexts.recycle(context)
  }

  /// Where the head of the context in a place is.
  private func head(
    of place: UnsafeMutablePointer<ContextPlace>
  ) -> UnsafeMutablePointer<BindingRef?> {
    if let shared = place.pointee.shared { return shared.at.head }
    return UnsafeMutableRawPointer(place).assumingMemoryBound(to: BindingRef?.self)
  }
}

// ---- Callbacks ---

extension Ref where Record == ContextCore {
  /// A callback begins, in a context that becomes its own. Returns what `endCallback` puts back.
  @inline(__always)
  func beginCallback(in place: ContextPlace) -> OutsideContext {
    let outer = self.outside
    self.lastCallback &+= 1
    self.outside = OutsideContext(place: place, id: self.lastCallback)
    return outer
  }

  @inline(__always)
  func endCallback(_ outer: OutsideContext) {
    let own = self.outside.place
    self.outside = outer
    drop(own)
  }
}

// ---- Setting and putting back ---

extension Ref where Record == ContextCore {
  /// Whether a variable has ever been set on the loop.
  @inline(__always)
  var isUsed: Bool { store.isUsed }

  /// Binds a variable in the context in a place; the value is then the context's. Returns the token
  /// if one is wanted. False when memory is out; then nothing has changed.
  func set(
    _ variable: VariableAddress, _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?,
    in place: UnsafeMutablePointer<ContextPlace>, token: TokenRef?
  ) -> Bool {
    guard let record = store.makeValue(value, release) else { return false }
    let old = token == nil ? nil : place.pointee.value(of: variable)
    if let old { old.references &+= 1 }
    guard store.bind(variable, to: record, at: head(of: place)) else {
      store.forget(record)
      if let old { old.references &-= 1 }
      return false
    }
    if let token {
      token.variable = variable
      token.old = old
    }
    store.sweep()
    return true
  }

  /// Puts back what a token's set has replaced, and ends the token. False when memory is out; then
  /// nothing has changed.
  func reset(_ token: TokenRef, in place: UnsafeMutablePointer<ContextPlace>) -> Bool {
    let variable = token.variable.unsafelyUnwrapped
    guard store.bind(variable, to: token.old, at: head(of: place)) else { return false }
    token.old = nil
    free(token)
    return true
  }

  /// A token with its reference, or nil when memory or slots are out.
  func makeToken(in contextID: UInt64) -> TokenRef? {
    guard let token = self.tokens.take(.token) else { return nil }
    token.slot.word = 1
    token.contextID = contextID
    token.variable = nil
    token.old = nil
    return token
  }

  func free(_ token: TokenRef) {
    if let old = token.old { store.letGo(of: old) }
    token.old = nil
    self.tokens.invalidate(token)
    self.tokens.recycle(token)
    store.sweep()
  }
}

// ---- Contexts with handles ---

extension Ref where Record == ContextCore {
  /// A context with one reference that begins as a copy of what is in a place; nil when memory or
  /// slots are out.
  func makeContext(copying place: ContextPlace) -> ContextRef? {
    guard let context = self.contexts.take(.context) else { return nil }
    context.slot.word = 1
    context.holds = 0
    context.head = copy(place).head
    return context
  }

  /// The same with one variable bound to a value, which is then the context's.
  func makeContext(
    copying place: ContextPlace, binding variable: VariableAddress,
    to value: UnsafeMutableRawPointer?, release: eddy_release_fn?
  ) -> ContextRef? {
    guard let context = makeContext(copying: place) else { return nil }
    var own = ContextPlace(sharing: context)
    if set(variable, value, release, in: &own, token: nil) { return context }
    _ = releaseReference(context)
    return nil
  }

  /// Ends a reference of the user's; false if there is none.
  func releaseReference(_ context: ContextRef) -> Bool {
    if context.slot.word == 0 { return false }
    context.slot.word &-= 1
    freeIfUnused(context)
    store.sweep()
    return true
  }

  /// Makes the loop's own context the current one outside tasks.
  func openOutside() { self.outside.place = share(ContextRef(self.at.own)) }

  /// Empties the loop's own context, at loop close.
  func dropOutside() {
    let place = self.outside.place
    self.outside.place = .empty
    drop(place)
    let head = self.own.head
    self.own.head = nil
    drop(ContextPlace(head: head))
  }

  /// Ends the references that are left at loop close; returns how many there were.
  func releaseAll() -> Int {
    var left = 0
    for position in 0..<self.tokens.positions {
      let token = self.tokens.record(at: position)
      guard self.tokens.isLive(token) else { continue }
      left += 1
      free(token)
    }
    for position in 0..<self.contexts.positions {
      let context = self.contexts.record(at: position)
      guard self.contexts.isLive(context), context.slot.word > 0 else { continue }
      left += Int(context.slot.word)
      context.slot.word = 1
      _ = releaseReference(context)
    }
    return left
  }
}
