/// Text that a caller gives with a change: reasons.
enum Reason {
    /// Refuses a reason that is too long or cannot be stored.
    static func check(_ reason: String) throws(RegistryError) {
        guard reason.utf8.count <= Limits.maxReasonBytes, !reason.utf8.contains(0) else {
            throw RegistryError(
                .invalidArgument,
                "reason: \(reason.utf8.count) bytes, at most \(Limits.maxReasonBytes) without a "
                    + "NUL are allowed"
            )
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
