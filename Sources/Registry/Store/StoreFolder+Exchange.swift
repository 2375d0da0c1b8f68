internal import Glibc
internal import Sealing

extension StoreFolder {
    /// renameat2(2), which the C library has and its module in Swift does not.
    private typealias Rename =
        @convention(c) (
            Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
        ) -> Int32

    /// `RENAME_EXCHANGE` of renameat2(2).
    private static let exchangeFlag: UInt32 = 1 << 1

    /// Exchanges the names of two folders, atomically.
    ///
    /// - Returns: False if the file system cannot; nothing was changed then.
    static func exchange(_ path: String, with other: String) throws(RegistryError) -> Bool {
        guard let symbol = unsafe dlsym(nil, "renameat2") else { return false }
        let rename = unsafe unsafeBitCast(symbol, to: Rename.self)
        guard unsafe rename(AT_FDCWD, path, AT_FDCWD, other, exchangeFlag) != 0 else {
            return true
        }
        let number = errno
        guard number == EINVAL || number == ENOSYS || number == EOPNOTSUPP else {
            throw .system("exchange with \(other)", path, FileCallError(errno: number))
        }
        return false
    }
}
