internal import Glibc

/// The kind, size, owner and permissions of a file, as fstat(2) or stat(2) reports them.
package struct FileStatus: Sendable, Equatable {
    /// The kinds of file that a reader tells apart.
    package enum Kind: String, Sendable {
        case file = "a regular file"
        case folder = "a folder"
        case pipe = "a FIFO"
        case socket = "a socket"
        case device = "a device"
        case link = "a symbolic link"
        case unknown = "a file of unknown kind"
    }

    /// The length in bytes.
    package let byteCount: UInt64
    /// The lower nine bits of the mode.
    package let permissions: UInt32
    package let kind: Kind
    /// The id of the user that owns the file.
    package let owner: UInt32
    /// The id of the file's group.
    package let group: UInt32
    /// The device and the inode, which together name the file whatever its path is.
    package let device: UInt64
    package let inode: UInt64
    /// Whether the mount that holds the folder takes no writes, whatever the folder's mode is.
    /// Only looked up for folders that group or others may write.
    package let isOnReadOnlyMount: Bool

    /// Reads the status of an open file; `nil`, with `errno` set, if the call fails.
    package init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.init(status) { unsafe fstatvfs(descriptor, &$0) }
    }

    /// Reads the status of the file that a path leads to, through symbolic links; `nil`, with
    /// `errno` set, if there is none.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.init(status) { unsafe statvfs(path, &$0) }
    }

    private init(_ status: stat, mount: (inout statvfs) -> Int32) {
        byteCount = UInt64(clamping: status.st_size)
        permissions = status.st_mode & 0o777
        kind = Kind(mode: status.st_mode)
        owner = status.st_uid
        group = status.st_gid
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        var volume = statvfs()
        isOnReadOnlyMount =
            kind == .folder && permissions & 0o022 != 0 && mount(&volume) == 0
            && volume.f_flag & UInt(ST_RDONLY) != 0
    }
}

extension FileStatus.Kind {
    fileprivate init(mode: mode_t) {
        self =
            switch mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            case S_IFCHR, S_IFBLK: .device
            case S_IFLNK: .link
            default: .unknown
            }
    }
}
