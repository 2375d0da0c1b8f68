internal import ArgumentParser
internal import JSON
internal import Server
internal import TLS
internal import Text

struct Certificates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs",
        abstract: "The certificates of a home.",
        subcommands: [List.self, Renew.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the certificates and until when they are good."
        )

        @OptionGroup var home: HomeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = home.value
            try home.require()
            let clients = try ClientCertificates(home: home).list()
                .filter { $0.notAfterUnix != nil }
                .map { home.clientCertificate($0.name) }
            let described = try ([home.authority, home.serverCertificate] + clients).map { path in
                (path, try CertificateFile.describe(path: path))
            }
            let json = described.map { path, certificate in
                JSONValue.object([
                    "path": .string(path), "subject": .string(certificate.subject),
                    "names": .texts(Self.names(certificate)),
                    "not_after_unix": .number(certificate.notAfterUnix),
                    "sha256": .bytes(certificate.sha256),
                ])
            }
            output.write(.object(["certificates": .array(json)])) {
                var table = Table("FILE", "SUBJECT", "NAMES", "GOOD UNTIL")
                for (path, certificate) in described {
                    table.add(
                        String(path.dropFirst(home.path.count + 1)),
                        certificate.subject,
                        Self.names(certificate).joined(separator: " "),
                        Moment.text(unixMs: certificate.notAfterUnix * 1_000)
                    )
                }
                return table.text
            }
        }

        private static func names(_ certificate: CertificateDescription) -> [String] {
            certificate.dnsNames + certificate.ipAddresses + certificate.uris
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make new certificates for the server and the home's clients.",
            discussion: "A running server takes them up on SIGHUP."
        )

        @OptionGroup var home: HomeOptions

        @Option(
            name: .customLong("host"),
            help: "A further name or address of the server; may be repeated."
        )
        var hosts: [String] = []

        func run() async throws {
            let home = home.value
            try home.require()
            for path in try ClientCertificates(home: home).renew(hosts: hosts) {
                StandardOutput.write("renewed \(path)")
            }
        }
    }
}
