import GRDBSQLite

extension WatchedFile {
    /// What SQLite calls.
    nonisolated(unsafe) static let methods: UnsafePointer<sqlite3_io_methods> = {
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        var table = sqlite3_io_methods()
        table.iVersion = 2
        setFileMethods(&table)
        setLockMethods(&table)
        setSharedMemoryMethods(&table)
        methods.initialize(to: table)
        return UnsafePointer(methods)
    }()

    private static func setFileMethods(_ table: inout sqlite3_io_methods) {
        table.xClose = { file in
            let code = WatchedFile.pass(file) { $2.xClose($1) }
            if let file { WatchedFile.unmanaged(file).release() }
            return code
        }
        table.xRead = { file, bytes, count, offset in
            WatchedFile.pass(file, .read, "read", orFail: DiskError.read.code) {
                $1.xRead($0, bytes, count, offset)
            }
        }
        table.xWrite = { file, bytes, count, offset in
            WatchedFile.pass(file) { watched, inner, methods in
                watched.write(inner, methods, bytes, count, offset)
            }
        }
        table.xTruncate = { file, length in
            WatchedFile.pass(file, .name, "truncate", orFail: DiskError.truncate.code) {
                $1.xTruncate($0, length)
            }
        }
        table.xSync = { file, flags in
            WatchedFile.pass(file) { watched, inner, methods in watched.sync(inner, methods, flags)
            }
        }
        table.xFileSize = { file, length in
            WatchedFile.pass(file, .read, "fstat", orFail: DiskError.status.code) {
                $1.xFileSize($0, length)
            }
        }
        table.xFileControl = { file, operation, argument in
            WatchedFile.pass(file) { $2.xFileControl($1, operation, argument) }
        }
        table.xSectorSize = { file in WatchedFile.pass(file) { $2.xSectorSize($1) } }
        table.xDeviceCharacteristics = { file in
            WatchedFile.pass(file) { $2.xDeviceCharacteristics($1) }
        }
    }

    private static func setLockMethods(_ table: inout sqlite3_io_methods) {
        table.xLock = { file, level in
            WatchedFile.pass(file, .lock, "lock", orFail: DiskError.lock.code) {
                $1.xLock($0, level)
            }
        }
        table.xUnlock = { file, level in WatchedFile.pass(file) { $2.xUnlock($1, level) } }
        table.xCheckReservedLock = { file, result in
            WatchedFile.pass(file) { $2.xCheckReservedLock($1, result) }
        }
    }

    private static func setSharedMemoryMethods(_ table: inout sqlite3_io_methods) {
        table.xShmMap = { file, region, size, extend, address in
            WatchedFile.pass(file, .lock, "shm map", orFail: DiskError.sharedMap.code) {
                $1.xShmMap($0, region, size, extend, address)
            }
        }
        table.xShmLock = { file, offset, count, flags in
            guard flags & SQLITE_SHM_UNLOCK == 0 else {
                return WatchedFile.pass(file) { $2.xShmLock($1, offset, count, flags) }
            }
            return WatchedFile.pass(file, .lock, "shm lock", orFail: DiskError.sharedLock.code) {
                $1.xShmLock($0, offset, count, flags)
            }
        }
        table.xShmBarrier = { file in
            _ = WatchedFile.pass(file) { _, inner, methods in
                methods.xShmBarrier(inner)
                return SQLITE_OK
            }
        }
        table.xShmUnmap = { file, deletes in
            // A process that ended removes nothing.
            WatchedFile.pass(file) { $2.xShmUnmap($1, $0.plan.isFrozen ? 0 : deletes) }
        }
    }
}
