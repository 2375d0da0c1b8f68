internal import ArgumentParser
internal import JSON
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The key-encryption keys of a home.",
        subcommands: [List.self, Rotate.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys by id, with how many keys count on each.",
            discussion: "New versions use the current one. Retired ones may be destroyed when no "
                + "backup needs them."
        )

        @OptionGroup var home: HomeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = home.value
            try home.require()
            let configuration = try await ServerConfiguration.load(
                file: home.configuration,
                flags: [:],
                environment: Environment.all
            )
            let keys = try HomeKeyList.read(home, keys: configuration.keys)
            let json = keys.map { key in
                JSONValue.object([
                    "id": .string(key.id), "kind": .string(key.kind),
                    "current": .bool(key.isCurrent), "retired": .bool(key.isRetired),
                    "wrapped_keys": .number(key.wrappedKeys),
                ])
            }
            output.write(.object(["keys": .array(json)])) {
                var table = Table("KEY", "KIND", "WRAPPED KEYS", "STATE")
                for key in keys {
                    let state = key.isCurrent ? "current" : key.isRetired ? "retired" : ""
                    table.add(key.id, key.kind, String(key.wrappedKeys), state)
                }
                return table.text
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a key-encryption key and bring every data key under it.",
            discussion: """
                Given again after it was cut short, it goes on where it stopped. Where a server \
                runs on the home, it does the work and serves meanwhile; otherwise this command \
                opens the registry itself.
                """
        )

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let rotation: V1.RotateKeysResponse = try await server.onServerOrHere { client in
                try await client.call(
                    "Maintenance",
                    "RotateKeys",
                    V1.RotateKeysRequest(),
                    timeout: Timeouts.load
                )
            } here: { home, configuration in
                try HomeRotation.run(home, keys: configuration.keys)
            }
            output.write(json(rotation)) { text(rotation) }
            if let first = rotation.failures.first {
                throw ServerError(
                    "\(rotation.failures.count) keys were not wrapped anew: \(first)",
                    hint: "strongroom verify says more; old keys were kept"
                )
            }
        }

        private func json(_ rotation: V1.RotateKeysResponse) -> JSONValue {
            .object([
                "current_key": .string(rotation.currentKey),
                "rewrapped": .number(rotation.rewrapped),
                "failures": .array(rotation.failures.map { .string($0) }),
                "retired_keys": .array(rotation.retiredKeys.map { .string($0) }),
            ])
        }

        private func text(_ rotation: V1.RotateKeysResponse) -> String {
            var lines = [
                "key \(rotation.currentKey) is current; \(rotation.rewrapped) keys were wrapped anew"
            ]
            lines += rotation.failures
            lines += rotation.retiredKeys.map {
                "key \($0) is retired: destroy it when no backup needs it"
            }
            return lines.joined(separator: "\n")
        }
    }
}
