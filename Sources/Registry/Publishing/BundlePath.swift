internal import Text

/// Paths inside a bundle: relative, `/` between components, and nothing that a file system or a
/// terminal could take for something else.
enum BundlePath {
    /// Refuses anything else.
    static func check(_ path: String) throws(RegistryError) {
        guard (1...Limits.maxPathBytes).contains(path.utf8.count) else {
            throw RegistryError(
                .invalidArgument,
                "path \(quoted(path)): \(path.utf8.count) bytes, expected 1 to "
                    + "\(Limits.maxPathBytes)"
            )
        }
        let isClean = path.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isClean else {
            throw RegistryError(
                .invalidArgument,
                "path \(quoted(path)): expected no backslash and no control character"
            )
        }
        let components = path.utf8.split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        for component in components {
            guard !component.isEmpty, !component.elementsEqual(".".utf8),
                !component.elementsEqual("..".utf8)
            else {
                throw RegistryError(
                    .invalidArgument,
                    "path \(quoted(path)): expected a relative path without empty, '.' or '..' "
                        + "components"
                )
            }
        }
    }

    /// The folders that a path lies in, from the top.
    static func folders(of path: String) -> [String] {
        path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
    }
}
