import Foundation

/// Prints two tables: the AEAD beside `openssl speed`, whose figure is the first argument, in bytes
/// a second; and the load of a file beside reading it unencrypted, in the folder that is the second.
@main
enum SealingSpeed {
    private static let seconds = 0.5
    private static let megabytes = 500
    private static let rounds = 9

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let reference = Double(arguments[1]) else {
            print("usage: SealingSpeed OPENSSL_BYTES_A_SECOND FOLDER")
            exit(64)
        }
        print("| AES-256-GCM, 1 MiB, one core | GB/s | of openssl speed |")
        print("|---|---|---|")
        print("| openssl speed | \(text(reference / 1e9)) | 1.00 |")
        for (name, rate) in [
            ("seal", try best { try AEADSpeed.sealing(seconds: seconds) }),
            ("open", try best { try AEADSpeed.opening(seconds: seconds) }),
        ] {
            print("| \(name) | \(text(rate / 1e9)) | \(text(rate / reference)) |")
        }
        let load = try LoadSpeed(folder: arguments[2], megabytes: megabytes)
        var times: [[Double]] = [[], [], [], [], []]
        for _ in 0..<rounds {
            times[0].append(try load.unencrypted())
            times[1].append(try load.encrypted(threads: 1, first: true))
            times[2].append(try load.encrypted(threads: 1, first: false))
            times[3].append(try load.encrypted(threads: 2, first: true))
            times[4].append(try load.encrypted(threads: 2, first: false))
        }
        // The best of each: what else the machine does only ever adds.
        let best = times.map { $0.reduce(.infinity, min) }
        print("\n| \(megabytes) MB, cold page cache, best of \(rounds) | s | of the first |")
        print("|---|---|---|")
        let names = [
            "unencrypted: read and SHA-256",
            "encrypted, one thread, the first time", "again",
            "encrypted, two threads, the first time", "again",
        ]
        for (name, seconds) in zip(names, best) {
            print("| \(name) | \(text(seconds)) | \(text(seconds / best[0])) |")
        }
    }

    private static func best(_ rate: () throws -> Double) rethrows -> Double {
        try (0..<rounds).reduce(0) { best, _ in max(best, try rate()) }
    }

    private static func text(_ number: Double) -> String { String(format: "%.2f", number) }
}
