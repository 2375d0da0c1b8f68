internal import Text

/// Paths inside a bundle: relative, `/` between components, and nothing that a file system or a
/// terminal could take for something else.
enum BundlePath {
    /// Refuses anything else.
    static func check(_ path: ExactString) throws(RegistryError) {
        guard (1...Limits.maxPathBytes).contains(path.utf8.count) else {
            throw RegistryError(
                .invalidArgument,
                "a path of \(path.utf8.count) bytes, 1 to \(Limits.maxPathBytes) are allowed"
            )
        }
        let isClean = path.text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isClean else {
            throw RegistryError(
                .invalidArgument,
                "a path with a backslash or a control character"
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
