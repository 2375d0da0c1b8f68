internal import Text
internal import Wire

/// Paths that an export writes to. The server refuses others when a bundle is published; whoever
/// writes files does not rely on that.
enum ExportPath {
    /// UTF-8 bytes of a path, as many as a server takes.
    static let maxBytes = 512

    /// - Throws: ``StrongroomError`` `DATA_LOSS` for a path that is empty, absolute or too long, has
    ///   an empty, `.` or `..` component, a backslash or a control character.
    static func check(_ path: ExactString) throws {
        let isClean = path.text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        let isInside = path.split(at: "/").allSatisfy { component in
            !component.isEmpty && component != "." && component != ".."
        }
        guard path.utf8.count <= maxBytes, isClean, isInside else {
            throw StrongroomError(
                .dataLoss,
                "the version's record has the path \(quoted(path)), which is not written"
            )
        }
    }
}
