internal import Glibc

/// Where everything lies below one home folder.
package struct Home: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package var configuration: String { path + "/strongroom.yaml" }
    package var access: String { path + "/access.json" }
    /// HOST:PORT of the server that runs on this home.
    package var address: String { path + "/address" }
    package var keys: String { path + "/keys" }
    package var sequence: String { keys + "/sequence" }
    package var store: String { path + "/store" }
    package var tls: String { path + "/tls" }
    package var authority: String { tls + "/ca.pem" }
    package var authorityKey: String { tls + "/ca-key.pem" }
    /// The CA's revocation list; there need not be one.
    package var revocationList: String { tls + "/crl.pem" }
    package var serverCertificate: String { tls + "/server.pem" }
    package var serverKey: String { tls + "/server-key.pem" }
    package var clients: String { tls + "/clients" }

    package func clientCertificate(_ name: String) -> String { "\(clients)/\(name).pem" }
    package func clientKey(_ name: String) -> String { "\(clients)/\(name)-key.pem" }

    /// Whether `init` made this home.
    package var exists: Bool { Files.exists(store) }

    /// - Throws: ``ServerError`` with the way to make one where there is none.
    package func require() throws(ServerError) {
        switch Files.access(path) {
        case .missing:
            throw ServerError(
                "there is no home at \(path)",
                hint: "make one with: strongroom init --home \(path)"
            )
        case .forbidden:
            throw ServerError(
                "the home \(path) may not be read",
                hint: "run as the user that made it"
            )
        case .readable: break
        }
        guard exists else {
            throw ServerError(
                "\(path) is no home: it has no store",
                hint: "make one with: strongroom init --home \(path)"
            )
        }
    }
}
