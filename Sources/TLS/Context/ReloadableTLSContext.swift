internal import Synchronization

/// The context that new connections get, replaced as a whole when certificates change.
///
/// A reload builds the new context aside and swaps it in; connections that are open keep the one
/// they began with, and a reload that fails changes nothing.
package final class ReloadableTLSContext: Sendable {
    private let load: @Sendable () throws(TLSError) -> TLSContext
    private let context: Mutex<TLSContext>

    /// - Parameter load: builds a context from the files as they are now.
    /// - Throws: what `load` throws the first time.
    package init(load: @escaping @Sendable () throws(TLSError) -> TLSContext) throws(TLSError) {
        self.load = load
        context = Mutex(try load())
    }

    /// A context that never changes, for tests and clients.
    package init(_ context: TLSContext) {
        load = { () throws(TLSError) in context }
        self.context = Mutex(context)
    }

    /// The context for the next connection.
    package var current: TLSContext {
        context.withLock { $0 }
    }

    /// Loads anew; on an error the present context stays.
    ///
    /// It reads files, so not on an event loop.
    package func reload() throws(TLSError) {
        // Built outside the lock: connections must not wait for the disk.
        let new = try load()
        context.withLock { $0 = new }
    }
}
