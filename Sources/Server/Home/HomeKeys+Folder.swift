internal import Sealing

extension HomeKeys {
    /// The folder that lies beside the key-encryption keys, without opening any key.
    /// - Parameter source: as for ``open(_:source:)``.
    static func folder(_ home: Home, source: String?) throws(ServerError) -> String {
        guard let source else { return home.keys }
        do {
            guard case .folder(let path) = try KeySource.parse(source) else { return home.keys }
            return path
        } catch {
            throw ServerError(
                error.message,
                hint: "'keys' in strongroom.yaml says where the keys are"
            )
        }
    }
}
