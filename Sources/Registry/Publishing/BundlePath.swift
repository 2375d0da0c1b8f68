internal import Text

/// Paths inside a bundle: relative, `/` between components, and nothing that a file system or a
/// terminal could take for something else.
enum BundlePath {
    /// Refuses anything else.
    static func check(_ path: ExactString) throws(RegistryError) {
        guard (1...Limits.maxPathBytes).contains(path.utf8.count) else {
            throw RegistryError(
                .invalidArgument,
                "path \(quoted(path)): \(path.utf8.count) bytes, expected 1 to "
                    + "\(Limits.maxPathBytes)"
            )
        }
        let isClean = path.text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isClean else {
            throw RegistryError(
                .invalidArgument,
                "path \(quoted(path)): expected no backslash and no control character"
            )
        }
        for component in path.split(at: "/") {
            guard !component.isEmpty, component != ".", component != ".." else {
                throw RegistryError(
                    .invalidArgument,
                    "path \(quoted(path)): expected a relative path without empty, '.' or '..' "
                        + "components"
                )
            }
        }
    }

    /// The folders that a path lies in, from the top.
    static func folders(of path: ExactString) -> [ExactString] {
        let text = path.text
        return text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: "/") }
            .map { ExactString(text[..<$0]) }
    }
}
