internal import ArgumentParser
internal import JSON
internal import Sealing
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a version's files to a new folder, each compared with the signed record."
    )

    @Argument(help: "The model's name.")
    var model: String

    @Argument(help: "The folder to make; nothing is there, or an empty folder.")
    var folder: String

    @Option(help: "The version (default: the one that the alias stands for).")
    var version: UInt64?

    @Option(help: "The alias whose version is meant (default: live).")
    var alias: String?

    @Option(
        help: ArgumentHelp(
            "The registry's signing key, PEM, to check the record with (default: the home's).",
            valueName: "file"
        )
    )
    var signingKey: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard version == nil || alias == nil else {
            throw ValidationError("--version and --alias are not given together")
        }
    }

    func run() async throws {
        let endpoint = try server.endpoint()
        let key = try await publicKey()
        let bar = ProgressBar(label: "exporting \(model)")
        defer { bar.finish() }
        let exported = try await Interruption.cancelling { [model, folder, version, alias] in
            try await StrongroomClient.with(endpoint) { client in
                try await client.export(
                    model: model,
                    version: try await client.number(version, alias ?? "live", of: model),
                    to: folder,
                    signingKey: key
                ) { written, total in
                    bar.update(written, of: total)
                }
            }
        }
        bar.finish()
        output.write(json(exported, isSignatureChecked: key != nil)) {
            let size = ByteCount.text(exported.bytes)
            let unchecked = key == nil ? " (signature of the record not checked: no key)" : ""
            return "\(model) version \(exported.version), \(exported.files) files, \(size): "
                + "written to \(folder)\(unchecked)"
        }
    }

    /// The key that is named; else the home's own, where the home says who the server is.
    private func publicKey() async throws -> VerifyingKey? {
        if let signingKey {
            let text = String(decoding: try Files.read(signingKey), as: UTF8.self)
            do {
                return try VerifyingKey(pem: text)
            } catch {
                throw ServerError("\(signingKey): \(error.message)")
            }
        }
        guard server.ca == nil else { return nil }
        return try await HomeKeys.publicKey(server.home.value, environment: Environment.all)
    }

    private func json(_ exported: ExportedVersion, isSignatureChecked: Bool) -> JSONValue {
        .object([
            "model": .string(model), "version": .number(exported.version),
            "folder": .string(folder), "files": .number(exported.files),
            "bytes": .number(exported.bytes), "record_sha256": .bytes(exported.recordSHA256),
            "signature_checked": .bool(isSignatureChecked),
        ])
    }
}

extension StrongroomClient {
    /// The version that is named, or else that the alias answers with.
    fileprivate func number(
        _ version: UInt64?,
        _ alias: String,
        of model: String
    ) async throws -> UInt64 {
        if let version { return version }
        let answer: V1.GetModelResponse = try await call(
            "Prediction",
            "GetModel",
            V1.GetModelRequest(model: V1.ModelSpec(name: model, selector: .alias(alias)))
        )
        return answer.version
    }
}
