internal import COnnxRuntime
internal import Glibc
internal import Synchronization

/// ONNX Runtime in this process: its table of functions and its one environment.
///
/// The library stays loaded and the environment stays up until the process ends: models may be let
/// go of at any time before, and a runtime that was unloaded once is not known to come back.
@safe
final class OnnxLibrary: @unchecked Sendable {
    // Unchecked: all pointers are set once, and what they point to is the runtime's own and may be
    // used from any thread.

    /// The version of the library, such as "1.32.0".
    let version: String
    /// The functions; valid for as long as the process lives.
    let api: UnsafePointer<OrtApi>
    /// What sessions are made in.
    let environment: OpaquePointer
    /// Says "memory of the processor" where a tensor is wrapped around bytes of ours.
    let memoryInfo: OpaquePointer
    /// The allocator of names and of string tensors; the runtime's own, never released.
    let allocator: OpaquePointer
    /// What the runtime writes its log to.
    let log: OnnxLog
    private let sessionThread = Mutex<LastingThread?>(nil)

    /// The lowest minor version of 1.x that has the interface asked for: they count alike.
    private static let minimumMinorVersion = Int(ORT_API_VERSION_USED)
    /// Tells the runtime not to report to its makers what it loads and runs: since 1.32 the wheel
    /// for Linux does, and keeps a session file in the folder for temporary files.
    private static let telemetrySwitch = "ORT_DISABLE_TELEMETRY"

    private struct Loaded {
        let device: UInt64
        let inode: UInt64
        let library: OnnxLibrary
    }

    private static let loaded = Mutex<Loaded?>(nil)

    /// The library at a path, loaded on the first call of the process.
    ///
    /// - Parameter path: The file. A later call must name the same file.
    /// - Throws: `unavailable` if there is none, if it is not ONNX Runtime, if it is too old, or
    ///   if another one is in use.
    static func open(path: String) throws(EngineError) -> OnnxLibrary {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw EngineError(
                .unavailable,
                "ONNX Runtime's library is missing",
                detail: "\(path): \(unsafe String(cString: strerror(errno)))"
            )
        }
        let (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        // Under the lock on purpose: two threads that start must not both load it.
        let result = loaded.withLock { loaded -> Result<OnnxLibrary, EngineError> in
            if let loaded {
                guard (loaded.device, loaded.inode) == (device, inode) else {
                    return .failure(
                        EngineError(
                            .unavailable,
                            "another ONNX Runtime is in use by this process",
                            detail: path
                        )
                    )
                }
                return .success(loaded.library)
            }
            do throws(EngineError) {
                let library = try OnnxLibrary(path: path)
                loaded = Loaded(device: device, inode: inode, library: library)
                return .success(library)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(path: String) throws(EngineError) {
        // A bare name would be looked for in the system's folders.
        let file = path.contains("/") ? path : "./" + path
        unsafe setenv(Self.telemetrySwitch, "1", 1)
        Locales.provide()
        guard let handle = unsafe dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
            throw Self.unusable("is not a library that can be loaded", detail: Self.linkerText())
        }
        guard let symbol = unsafe dlsym(handle, ORT_ENTRY_SYMBOL) else {
            let text = Self.linkerText()
            unsafe dlclose(handle)
            throw Self.unusable("is not ONNX Runtime", detail: text)
        }
        guard let base = unsafe ort_CallEntry(symbol),
            let versionText = unsafe ort_GetVersionString(base)
        else {
            throw Self.unusable("is not ONNX Runtime", detail: path)
        }
        version = unsafe String(cString: versionText)
        // Asked first, because the runtime writes to stderr if it is too old for the interface.
        guard Self.isRecentEnough(version),
            let api = unsafe ort_GetApi(base, UInt32(ORT_API_VERSION_USED))
        else {
            throw Self.unusable(
                "has version \(version), 1.\(Self.minimumMinorVersion) or later is needed",
                detail: path
            )
        }
        unsafe self.api = api
        let log = OnnxLog()
        self.log = log
        do throws(OnnxFailure) {
            unsafe environment = try Self.make(api) { api, out in
                unsafe log.makeEnvironment(api, out)
            }
            unsafe memoryInfo = try Self.make(api) { api, out in
                unsafe ort_CreateCpuMemoryInfo(
                    api,
                    OrtAllocatorType(ORT_ALLOCATOR_DEVICE),
                    OrtMemType(ORT_MEMORY_DEFAULT),
                    out
                )
            }
            unsafe allocator = try Self.make(api) { api, out in
                unsafe ort_GetAllocatorWithDefaultOptions(api, out)
            }
        } catch {
            throw error.whileStarting
        }
    }

    /// The thread that makes sessions with threads of their own, which inherit its priority; started
    /// at its first use. Nil: the system has none.
    var steady: LastingThread? {
        sessionThread.withLock { thread in
            thread = thread ?? LastingThread.start(.inherited, name: "session")
            return thread
        }
    }

    /// Makes a call that gives nothing back.
    func call(_ body: (UnsafePointer<OrtApi>) -> OpaquePointer?) throws(OnnxFailure) {
        try unsafe Self.check(api, unsafe body(api))
    }

    /// Makes a call that gives an object through its last parameter.
    func make(
        _ body: (UnsafePointer<OrtApi>, UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?
    ) throws(OnnxFailure) -> OpaquePointer {
        try unsafe Self.make(api, body)
    }

    private static func make(
        _ api: UnsafePointer<OrtApi>,
        _ body: (UnsafePointer<OrtApi>, UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?
    ) throws(OnnxFailure) -> OpaquePointer {
        var object: OpaquePointer?
        try unsafe check(api, unsafe body(api, &object))
        guard let object = unsafe object else { throw .nothingReturned }
        return unsafe object
    }

    private static func check(
        _ api: UnsafePointer<OrtApi>,
        _ status: OpaquePointer?
    ) throws(OnnxFailure) {
        guard let status = unsafe status else { return }
        defer { unsafe ort_ReleaseStatus(api, status) }
        let text = unsafe ort_GetErrorMessage(api, status).map { unsafe String(cString: $0) }
        throw OnnxFailure(code: unsafe ort_GetErrorCode(api, status), text: text ?? "")
    }

    private static func isRecentEnough(_ version: String) -> Bool {
        let numbers = version.split(separator: ".").map { Int($0) }
        guard numbers.count >= 2, numbers[0] == 1, let minor = numbers[1] else { return false }
        return minor >= minimumMinorVersion
    }

    private static func unusable(_ what: String, detail: String) -> EngineError {
        EngineError(
            .unavailable,
            "the file named as ONNX Runtime's library \(what)",
            detail: detail
        )
    }

    private static func linkerText() -> String {
        guard let text = unsafe dlerror() else { return "" }
        return unsafe String(cString: text)
    }
}
