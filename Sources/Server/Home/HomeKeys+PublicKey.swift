internal import Platform
package import Sealing

extension HomeKeys {
    /// The public half of a home's signing key, which needs none of its secrets.
    /// - Returns: nil where there is no home, or its keys' folder cannot be read from here.
    /// - Throws: ``ServerError`` for a key file, or a configuration, that is not as it has to be.
    package static func publicKey(
        _ home: Home,
        environment: [String: String]
    ) async throws -> VerifyingKey? {
        guard home.exists else { return nil }
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: environment,
            trust: .client
        )
        let folder = try HomeKeys.folder(home, source: configuration.keys)
        do throws(SealingError) {
            return try SigningKeyFile.publicKey(
                folder: folder,
                calls: SystemCalls(trust: .client)
            )
        } catch {
            guard [.keyMissing, .keyAccess].contains(error.code) else {
                throw ServerError(of: error)
            }
            return nil
        }
    }
}
