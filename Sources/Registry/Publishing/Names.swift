/// The names of models and aliases: `[a-z0-9][a-z0-9._-]{0,63}`, not all digits (that would be a
/// version), not `latest`.
enum Name {
    private static let reserved = "latest"

    /// Refuses anything else.
    ///
    /// - Parameter what: What is named, for the message.
    static func check(_ name: String, of what: String) throws(RegistryError) {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= Limits.maxNameBytes,
            isAlphanumeric(first), bytes.allSatisfy(isAllowed)
        else {
            throw RegistryError(
                .invalidArgument,
                "\(what) name: expected 1 to \(Limits.maxNameBytes) of a-z, 0-9, '.', '_', '-', "
                    + "beginning with a letter or digit")
        }
        guard !bytes.allSatisfy(isDigit) else {
            throw RegistryError(
                .invalidArgument, "\(what) name '\(name)': all digits, which names a version")
        }
        guard name != reserved else {
            throw RegistryError(.invalidArgument, "\(what) name '\(name)' is reserved")
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "._-".utf8.contains(byte)
    }
}

/// Paths inside a bundle: relative, `/` between components, and nothing that a file system or a
/// terminal could take for something else.
enum BundlePath {
    /// Refuses anything else.
    static func check(_ path: String) throws(RegistryError) {
        guard (1...Limits.maxPathBytes).contains(path.utf8.count) else {
            throw RegistryError(
                .invalidArgument,
                "a path of \(path.utf8.count) bytes, 1 to \(Limits.maxPathBytes) are allowed")
        }
        let isClean = path.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isClean else {
            throw RegistryError(
                .invalidArgument, "a path with a backslash or a control character")
        }
        let components = path.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for component in components {
            guard !component.isEmpty, !component.elementsEqual(".".utf8),
                !component.elementsEqual("..".utf8)
            else {
                throw RegistryError(
                    .invalidArgument,
                    "path '\(path)': expected a relative path without empty, '.' or '..' "
                        + "components")
            }
        }
    }

    /// The folders that a path lies in, from the top.
    static func folders(of path: String) -> [String] {
        path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
    }
}

/// Text that a caller gives with a change: reasons.
enum Reason {
    /// Refuses a reason that is too long or cannot be stored.
    static func check(_ reason: String) throws(RegistryError) {
        guard reason.utf8.count <= Limits.maxReasonBytes, !reason.utf8.contains(0) else {
            throw RegistryError(
                .invalidArgument,
                "reason: \(reason.utf8.count) bytes, at most \(Limits.maxReasonBytes) without a "
                    + "NUL are allowed")
        }
    }

    /// A reason that the server itself found, cut to what can be stored.
    static func cut(_ reason: String) -> String {
        let clean = reason.utf8.contains(0) ? String(reason.filter { $0 != "\0" }) : reason
        guard clean.utf8.count > Limits.maxReasonBytes else { return clean }
        var result = ""
        for character in clean {
            guard result.utf8.count + character.utf8.count <= Limits.maxReasonBytes else { break }
            result.append(character)
        }
        return result
    }
}
