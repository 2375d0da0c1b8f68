import GRDBSQLite
import Glibc

/// A file system for SQLite that passes everything on to the system's, and lets the calls for
/// databases below a folder with a ``FaultPlan`` fail as the plan says.
///
/// It is SQLite's default in this process, so that the registry opens its database as ever.
enum FaultVFS {
    /// Makes it the default; once is enough.
    static func install() {
        _ = installed
    }

    private static let installed: Bool = {
        guard let base = sqlite3_vfs_find(nil) else { return false }
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: base.pointee)
        vfs.pointee.pNext = nil
        vfs.pointee.zName = UnsafePointer(strdup("faults"))
        vfs.pointee.pAppData = UnsafeMutableRawPointer(base)
        vfs.pointee.szOsFile = Int32(WatchedFile.headBytes) + base.pointee.szOsFile
        vfs.pointee.xOpen = openFile
        vfs.pointee.xDelete = { vfs, name, syncFolder in
            guard let base = FaultVFS.base(of: vfs), let name else { return SQLITE_MISUSE }
            let path = String(cString: name)
            if let plan = FaultPlans.plan(for: path) {
                guard case .pass = plan.meet(.name, "sqlite delete \(path)") else {
                    return DiskError.delete.code
                }
            }
            return base.pointee.xDelete(base, name, syncFolder)
        }
        vfs.pointee.xAccess = { vfs, name, flags, result in
            guard let base = FaultVFS.base(of: vfs), let name else { return SQLITE_MISUSE }
            let path = String(cString: name)
            if let plan = FaultPlans.plan(for: path) {
                guard case .pass = plan.meet(.read, "sqlite access \(path)") else {
                    return DiskError.access.code
                }
            }
            return base.pointee.xAccess(base, name, flags, result)
        }
        return sqlite3_vfs_register(vfs, 1) == SQLITE_OK
    }()

    private static func base(
        of vfs: UnsafeMutablePointer<sqlite3_vfs>?
    ) -> UnsafeMutablePointer<sqlite3_vfs>? {
        vfs?.pointee.pAppData?.assumingMemoryBound(to: sqlite3_vfs.self)
    }

    private static let openFile:
        @convention(c) (
            UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?,
            UnsafeMutablePointer<sqlite3_file>?, Int32, UnsafeMutablePointer<Int32>?
        ) -> Int32 = { vfs, name, file, flags, outFlags in
            guard let base = FaultVFS.base(of: vfs), let file else { return SQLITE_MISUSE }
            guard let name, let plan = FaultPlans.plan(for: String(cString: name)) else {
                return base.pointee.xOpen(base, name, file, flags, outFlags)
            }
            file.pointee.pMethods = nil
            let path = String(cString: name)
            let creates = flags & SQLITE_OPEN_CREATE != 0 && access(path, F_OK) != 0
            guard case .pass = plan.meet(creates ? .create : .read, "sqlite open \(path)") else {
                return SQLITE_CANTOPEN
            }
            let inner = WatchedFile.inner(of: file)
            let code = base.pointee.xOpen(base, name, inner, flags, outFlags)
            guard code == SQLITE_OK else { return code }
            WatchedFile.attach(WatchedFile(plan: plan, path: path), to: file)
            file.pointee.pMethods = WatchedFile.methods
            return code
        }
}
