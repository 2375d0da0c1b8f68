internal import Glibc

/// Where ONNX Runtime's library is looked for if nobody says.
package enum OnnxLibrarySearch {
    /// The environment variable that names the library's file. If it is set, nothing else counts.
    package static let variable = "STRONGROOM_ONNXRUNTIME"

    /// The names of the library's file, the version that is tested with first.
    package static let fileNames = ["libonnxruntime.so.1.32.0", "libonnxruntime.so"]

    /// The library's file.
    ///
    /// - Throws: `unavailable` if it is in none of the places; they are in the error's detail.
    package static func find() throws(EngineError) -> String {
        let named = unsafe getenv(variable).map { unsafe String(cString: $0) }
        return try find(named: named, executable: executablePath()) { path in
            unsafe access(path, R_OK) == 0
        }
    }

    /// The library's file, with what `find()` asks the system for as parameters.
    static func find(
        named: String?,
        executable: String?,
        isReadable: (String) -> Bool
    ) throws(EngineError) -> String {
        if let named, !named.isEmpty { return named }
        let candidates = executable.map(candidates(executable:)) ?? []
        if let found = candidates.first(where: isReadable) { return found }
        throw EngineError(
            .unavailable,
            "ONNX Runtime's library was not found: set \(variable) to its path",
            detail: "looked for " + candidates.joined(separator: ", ")
        )
    }

    /// Beside the executable; where a package puts it; and, for an executable of a build tree,
    /// among the tree's own dependencies.
    private static func candidates(executable: String) -> [String] {
        let parts = executable.split(separator: "/").dropLast()
        let folder = "/" + parts.joined(separator: "/")
        var folders = [folder, folder + "/../lib/strongroom"]
        if let build = parts.lastIndex(where: { $0.hasPrefix(".build") }) {
            let tree = "/" + parts[..<build].joined(separator: "/")
            folders.append(tree + "/.deps/onnxruntime/lib")
        }
        return folders.flatMap { folder in fileNames.map { "\(folder)/\($0)" } }
    }

    private static func executablePath() -> String? {
        guard let path = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
