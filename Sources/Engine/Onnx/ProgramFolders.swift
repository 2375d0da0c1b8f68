internal import Glibc

/// The folders in which this program's own files may lie.
struct ProgramFolders {
    /// The path of the program's file.
    let executable: String

    /// Beside the executable; where a package puts such files; and, for an executable of a build
    /// tree, among the tree's own dependencies.
    ///
    /// - Parameter tree: The folder among the dependencies.
    func all(tree: String) -> [String] {
        let parts = executable.split(separator: "/").dropLast()
        let folder = "/" + parts.joined(separator: "/")
        var folders = [folder, folder + "/../lib/strongroom"]
        if let build = parts.lastIndex(where: { $0.hasPrefix(".build") }) {
            folders.append("/" + parts[..<build].joined(separator: "/") + "/.deps/" + tree)
        }
        return folders
    }

    /// The path of the running program's file; nil if the system does not say.
    static func executable() -> String? {
        guard let path = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
