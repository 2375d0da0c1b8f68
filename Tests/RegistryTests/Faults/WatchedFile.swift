import GRDBSQLite
import Glibc

/// A file of a database that has a plan. Each connection has files of its own, and uses them from
/// one thread at a time.
///
/// In memory SQLite's structure for our file has a head, the pointer to the methods and the one
/// to this object, and after it the structure of the file system below.
final class WatchedFile {
    typealias Pointer = UnsafeMutablePointer<sqlite3_file>

    /// Bytes before the structure of the file system below.
    static let headBytes = 16
    private static let selfOffset = 8

    let plan: FaultPlan
    let name: String
    /// What was written since the last sync: where, what was there, and the file's length before.
    private var unsynced: [(offset: Int64, before: [UInt8], length: Int64)] = []

    init(plan: FaultPlan, path: String) {
        self.plan = plan
        name = path.split(separator: "/").last.map(String.init) ?? path
        plan.fileOpened()
    }

    deinit { plan.fileClosed() }

    static func inner(of file: Pointer) -> Pointer {
        (UnsafeMutableRawPointer(file) + headBytes).assumingMemoryBound(to: sqlite3_file.self)
    }

    static func attach(_ watched: WatchedFile, to file: Pointer) {
        UnsafeMutableRawPointer(file).storeBytes(
            of: Unmanaged.passRetained(watched).toOpaque(),
            toByteOffset: selfOffset,
            as: UnsafeMutableRawPointer.self
        )
    }

    static func unmanaged(_ file: Pointer) -> Unmanaged<WatchedFile> {
        Unmanaged.fromOpaque(
            UnsafeRawPointer(file).load(
                fromByteOffset: selfOffset,
                as: UnsafeMutableRawPointer.self
            )
        )
    }

    /// Calls the file system below.
    static func pass(
        _ file: Pointer?,
        _ body: (WatchedFile, Pointer, sqlite3_io_methods) -> Int32
    ) -> Int32 {
        guard let file, let methods = inner(of: file).pointee.pMethods else {
            return SQLITE_MISUSE
        }
        return body(unmanaged(file).takeUnretainedValue(), inner(of: file), methods.pointee)
    }

    /// Calls the file system below if the plan lets the call pass.
    static func pass(
        _ file: Pointer?,
        _ kind: CallKind,
        _ what: String,
        orFail code: Int32,
        _ body: (Pointer, sqlite3_io_methods) -> Int32
    ) -> Int32 {
        pass(file) { watched, inner, methods in
            guard case .pass = watched.plan.meet(kind, "sqlite \(what) \(watched.name)") else {
                return code
            }
            return body(inner, methods)
        }
    }

    func write(
        _ inner: Pointer,
        _ methods: sqlite3_io_methods,
        _ bytes: UnsafeRawPointer?,
        _ count: Int32,
        _ offset: Int64
    ) -> Int32 {
        switch plan.meet(.write, "sqlite write \(name) at \(offset)") {
        case .pass:
            note(inner, methods, count, offset)
            return methods.xWrite(inner, bytes, count, offset)
        case .half(let errno):
            _ = methods.xWrite(inner, bytes, count / 2, offset)
            return WatchedFile.code(ofWriteFailing: errno)
        case .fail(let errno), .lose(let errno):
            return WatchedFile.code(ofWriteFailing: errno)
        }
    }

    private static func code(ofWriteFailing errno: Int32) -> Int32 {
        errno == ENOSPC ? SQLITE_FULL : DiskError.write.code
    }

    /// Keeps what a write is about to replace.
    private func note(
        _ inner: Pointer,
        _ methods: sqlite3_io_methods,
        _ count: Int32,
        _ offset: Int64
    ) {
        guard plan.losesUnsynced else { return }
        var length: Int64 = 0
        _ = methods.xFileSize(inner, &length)
        let kept = max(0, min(Int64(count), length - offset))
        var before = [UInt8](repeating: 0, count: Int(kept))
        if kept > 0 { _ = methods.xRead(inner, &before, Int32(kept), offset) }
        unsynced.append((offset, before, length))
    }

    func sync(
        _ inner: Pointer,
        _ methods: sqlite3_io_methods,
        _ flags: Int32
    ) -> Int32 {
        switch plan.meet(.sync, "sqlite sync \(name)") {
        case .pass:
            let code = methods.xSync(inner, flags)
            if code == SQLITE_OK { unsynced = [] }
            return code
        case .lose:
            for write in unsynced.reversed() {
                if !write.before.isEmpty {
                    let count = Int32(write.before.count)
                    _ = methods.xWrite(inner, write.before, count, write.offset)
                }
                _ = methods.xTruncate(inner, write.length)
            }
            unsynced = []
            return DiskError.sync.code
        case .fail, .half: return DiskError.sync.code
        }
    }
}

/// SQLite's codes for calls that failed, which its headers have as macros that do not import.
enum DiskError: Int32 {
    case read = 1
    case write = 3
    case sync = 4
    case truncate = 6
    case status = 7
    case delete = 10
    case access = 13
    case lock = 15
    case sharedLock = 20
    case sharedMap = 21

    var code: Int32 { SQLITE_IOERR | rawValue << 8 }
}
