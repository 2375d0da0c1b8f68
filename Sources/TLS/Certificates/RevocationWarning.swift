/// An issuer whose revocation list is missing or out of its time, so that every client with a
/// certificate of this issuer in its chain fails the handshake.
package struct RevocationWarning: Sendable, Equatable {
    /// The state of the issuer's newest list.
    package enum Problem: Sendable, Equatable {
        case missing
        /// The list's next update was due, in seconds since 1970.
        case expired(sinceUnix: Int64)
        /// The list's time begins later, in seconds since 1970.
        case notYetValid(untilUnix: Int64)
    }

    /// The issuer in RFC 2253 form.
    package let issuer: String
    package let problem: Problem

    /// The warnings about the lists of a file.
    ///
    /// - Parameter authorities: The authorities of clients, each of which needs a list. Other
    ///   authorities of a chain come with the client and are not known before.
    static func all(
        authorities: [Certificate],
        lists: [RevocationList],
        nowUnix: Int64
    ) throws(TLSError) -> [RevocationWarning] {
        var warnings: [RevocationWarning] = []
        for authority in authorities where authority.isAuthority {
            var isThere = false
            for list in lists where try list.hasIssuer(authority) { isThere = true }
            guard !isThere else { continue }
            warnings.append(RevocationWarning(issuer: authority.subject, problem: .missing))
        }
        for (index, list) in lists.enumerated()
        where !lists[..<index].contains(where: { $0.hasIssuer(of: list) }) {
            let own = lists[index...].filter { $0.hasIssuer(of: list) }
            guard let problem = problem(of: own, nowUnix: nowUnix) else { continue }
            warnings.append(RevocationWarning(issuer: list.issuer, problem: problem))
        }
        return warnings
    }

    /// The problem of an issuer's newest list, if none of its lists is in its time.
    private static func problem(of lists: [RevocationList], nowUnix: Int64) -> Problem? {
        var newest: (issued: Int64, problem: Problem)?
        for list in lists {
            let problem: Problem
            if list.issuedUnix > nowUnix {
                problem = .notYetValid(untilUnix: list.issuedUnix)
            } else if let next = list.nextUnix, next <= nowUnix {
                problem = .expired(sinceUnix: next)
            } else {
                return nil
            }
            if newest.map({ $0.issued < list.issuedUnix }) ?? true {
                newest = (list.issuedUnix, problem)
            }
        }
        return newest?.problem
    }
}
