/// The use of a file or folder, which decides who may own, read and write it.
package enum FileRole: Sendable, Equatable {
    /// A key: mode 0400 or 0600, or 0440 with a group of the process.
    case key
    /// A file that the server's trust rests on: no user outside the process's groups may write it.
    case trusted
    /// A program that runs with the server's rights, or a configuration that names one: only its
    /// owner may write it.
    case command
    /// A folder of such files: as ``trusted``.
    case folder

    /// The mode to set, for messages.
    var expectedMode: String {
        switch self {
        case .key: "mode 0400 or 0600, or 0440 with a group of this process"
        case .trusted: "a mode without write access for other users, such as 0600"
        case .command: "a mode that lets its owner alone write it, such as 0600 or 0700"
        case .folder: "a mode without write access for other users, such as 0700"
        }
    }

    var expectedKind: FileStatus.Kind { self == .folder ? .folder : .file }
}

/// A path with the role of the file that it leads to.
package struct JudgedPath: Sendable, Equatable {
    package let path: String
    package let role: FileRole

    package init(_ path: String, _ role: FileRole) {
        self.path = path
        self.role = role
    }
}
