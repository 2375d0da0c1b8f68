internal import COnnxRuntime

/// The options of one run, of which only one is used: that it may be ended from another thread.
@safe
final class OnnxRunOptions: @unchecked Sendable {
    // Unchecked: the runtime reads and writes the flag as an atomic.

    /// The runtime's options.
    let raw: OpaquePointer
    private let library: OnnxLibrary

    /// Makes options with which a run goes to its end.
    init(in library: OnnxLibrary) throws(OnnxFailure) {
        unsafe raw = try library.make { api, out in unsafe ort_CreateRunOptions(api, out) }
        self.library = library
    }

    deinit { unsafe ort_ReleaseRunOptions(library.api, raw) }

    /// Ends the run after the operator that it is in.
    func terminate() {
        // Setting a flag cannot fail, and a run that goes on regardless is only wasted work.
        try? unsafe library.call { api in unsafe ort_RunOptionsSetTerminate(api, raw) }
    }
}
