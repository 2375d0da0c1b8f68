import Foundation
import Testing

@testable import Sealing

@Suite("Sources of keys")
struct KeySourceTests {
    private let context = WrapContext.signingKey(registryID: pattern(16))

    @Test("sources are told apart")
    func parse() throws {
        #expect(try KeySource.parse("/srv/keys") == .folder("/srv/keys"))
        #expect(try KeySource.parse("keys") == .folder("keys"))
        #expect(try KeySource.parse("./passphrase") == .folder("./passphrase"))
        #expect(try KeySource.parse("env:KEY") == .environment(variable: "KEY"))
        #expect(try KeySource.parse("passphrase") == .passphrase)
        #expect(try KeySource.parse("exec:/opt/key --slot 1") == .command("/opt/key --slot 1"))
    }

    @Test(
        "no source and impossible variables are refused",
        arguments: ["", "env:", "env:A=B", "exec:", "exec:  "]
    )
    func malformed(text: String) {
        #expect(code { _ = try KeySource.parse(text) } == .format)
    }

    @Test("a folder source makes its first key once, and opens it")
    func folder() throws {
        try withFolder { parent in
            let source = KeySource.folder("\(parent)/keys/")
            #expect(code { _ = try source.open(beside: parent) } == .keyMissing)
            let created = try source.create(beside: parent)
            #expect(try source.open(beside: parent).currentKeyID == created.currentKeyID)
            #expect(code { _ = try source.create(beside: parent) } == .keyAccess)
        }
    }

    @Test("an environment key unwraps what it wrapped, in either spelling of its digits")
    func environment() throws {
        let hex = Hex.encode(Array(pattern(200)[100..<132]))
        let lower = variable(hex)
        let upper = variable(hex.uppercased())
        let secret = try SecretKey.random()
        let wrapped = try KeySource.parse("env:\(lower)").create(beside: "/nowhere").wrap(
            secret,
            context: context
        )
        let other = try EnvironmentKeyProvider(variable: upper)
        #expect(try other.unwrap(wrapped, context: context) == secret)
        #expect(
            other.currentKeyID
                == KeyEncryptionKey(try secretKey(Array(pattern(200)[100..<132]))).id
        )
    }

    @Test(
        "an environment variable without exactly 64 digits is refused",
        arguments: [0, 2, 62, 63, 65, 66, 128]
    )
    func environmentLength(count: Int) {
        let name = variable(String(repeating: "a", count: count))
        #expect(code { _ = try EnvironmentKeyProvider(variable: name) } == .format)
    }

    @Test("an environment variable with another character is refused", arguments: ["g", " ", "é"])
    func environmentDigits(character: String) {
        let count = 64 - character.utf8.count
        let name = variable(String(repeating: "a", count: count) + character)
        #expect(code { _ = try EnvironmentKeyProvider(variable: name) } == .format)
    }

    @Test("a variable that is not set, and a key that it does not hold, are missing keys")
    func environmentMissing() throws {
        let none = "SEALING_TESTS_NONE"
        #expect(code { _ = try EnvironmentKeyProvider(variable: none) } == .keyMissing)
        let provider = try EnvironmentKeyProvider(variable: variable(Hex.encode(pattern(32))))
        let other = KeyEncryptionKey(try SecretKey.random())
        let wrapped = try other.wrap(try SecretKey.random(), context: context)
        #expect(code { _ = try provider.unwrap(wrapped, context: context) } == .keyMissing)
    }

    /// A variable of its own for each test, since tests share one environment.
    private func variable(_ value: String) -> String {
        let name = "SEALING_TESTS_\(UUID().uuidString.filter { $0 != "-" })"
        setenv(name, value, 1)
        return name
    }
}
