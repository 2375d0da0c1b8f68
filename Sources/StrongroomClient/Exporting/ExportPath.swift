internal import Text
internal import Wire

/// Paths that an export writes to. The server refuses others when a bundle is published; whoever
/// writes files does not rely on that.
enum ExportPath {
    /// UTF-8 bytes of a path, as many as a server takes.
    static let maxBytes = 512

    /// - Throws: ``StrongroomError`` `DATA_LOSS` for a path that is empty, absolute or too long, has
    ///   an empty, `.` or `..` component, a backslash or a control character.
    static func check(_ path: String) throws {
        let components = path.utf8.split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        let isClean = path.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        let isInside = components.allSatisfy { component in
            !component.isEmpty && !component.elementsEqual(".".utf8)
                && !component.elementsEqual("..".utf8)
        }
        guard path.utf8.count <= maxBytes, isClean, isInside else {
            throw StrongroomError(
                .dataLoss,
                "the version's record has the path \(quoted(path)), which is not "
                    + "written"
            )
        }
    }
}
