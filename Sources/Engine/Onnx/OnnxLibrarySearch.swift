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
        return try find(named: named, executable: ProgramFolders.executable()) { path in
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
        let candidates =
            executable.map { ProgramFolders(executable: $0).all(tree: "onnxruntime/lib") }?
            .flatMap { folder in fileNames.map { "\(folder)/\($0)" } } ?? []
        if let found = candidates.first(where: isReadable) { return found }
        throw EngineError(
            .unavailable,
            "ONNX Runtime's library was not found: set \(variable) to its path",
            detail: "looked for " + candidates.joined(separator: ", ")
        )
    }
}
