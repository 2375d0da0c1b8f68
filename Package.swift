// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

let relaxed: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let deques: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let tracing: Target.Dependency = .product(
    name: "Tracing",
    package: "swift-distributed-tracing"
)
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let configuration: Target.Dependency = .product(
    name: "Configuration",
    package: "swift-configuration"
)
let signals: Target.Dependency = .product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let arguments: Target.Dependency = .product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)

func product(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: relaxed)
}

let package = Package(
    name: "strongroom",
    products: [
        .executable(name: "strongroom", targets: ["strongroom"]),
        .library(name: "StrongroomClient", targets: ["StrongroomClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            from: "2.13.0"
        ),
    ],
    targets: [
        // C: shims, generated messages, ABI declarations. No logic.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CProtobufC", linkerSettings: [.linkedLibrary("protobuf-c")]),
        .target(name: "COnnxRuntime", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CSandbox", linkerSettings: [.linkedLibrary("seccomp")]),
        .target(name: "CHosting"),
        .target(name: "CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),

        product("Platform", ["Text"]),
        product("Sealing", ["COpenSSL", "Platform", "JSON", "Text"]),
        product("TLS", ["COpenSSL", "Platform", nioCore]),
        product("Wire", ["CProtobufC", "Text", nioCore]),
        product("Metrics", []),
        product("RPC", ["Wire", "TLS", "Metrics", "Text", nioCore, nioPosix, logging]),
        product("HTTP", ["RPC", "Text", nioCore, nioHTTP1, logging, deques]),
        product("Text", []),
        product("JSON", ["Text"]),
        product("Registry", ["CSQLite", "Sealing", "Platform", "JSON", "Text", grdb, yams]),
        product("Engine", ["COnnxRuntime", "JSON", "Text"]),
        product("EngineTesting", ["Engine", "Text"]),
        product("Sandbox", ["CSandbox", "Sealing", "Text"]),
        product(
            "Hosting",
            ["Engine", "Sandbox", "Sealing", "CSandbox", "CHosting", "JSON", "Text"]
        ),
        product(
            "Serving",
            [
                "Hosting", "Registry", "Engine", "Sealing", "JSON", "Text", "Metrics", logging,
                deques,
            ]
        ),
        product(
            "Server",
            [
                "Serving", "Hosting", "Sandbox", "Registry", "Engine", "RPC", "HTTP", "Metrics",
                "Wire", "TLS", "Sealing", "Platform", "JSON", "Text", configuration, signals,
                logging, tracing, yams, nioCore, nioHTTP1, nioPosix,
            ]
        ),
        product("Bench", ["Wire", "TLS", nioCore, nioPosix]),
        product(
            "StrongroomClient",
            ["RPC", "Wire", "TLS", "Sealing", "JSON", "Text", nioCore, nioPosix]
        ),
        .executableTarget(
            name: "strongroom",
            dependencies: [
                "Server", "StrongroomClient", "Bench", "Registry", "Engine", "Sandbox", "Wire",
                "TLS", "Sealing", "Platform", "JSON", "Text", arguments, signals, nioCore,
            ],
            swiftSettings: strict
        ),

        // Benchmarks of what only this package sees; Benchmarks/sealing.sh runs this one.
        .executableTarget(
            name: "SealingSpeed",
            dependencies: ["Registry", "Sealing", "Text"],
            path: "Benchmarks/Sources/SealingSpeed",
            swiftSettings: relaxed
        ),
        // Steps of a call for Benchmarks/micro.sh to count instructions and allocations of.
        .executableTarget(
            name: "WireSpeed",
            dependencies: ["Wire", "Serving", "Engine", "Sealing", "Text", nioCore],
            path: "Benchmarks/Sources/WireSpeed",
            swiftSettings: relaxed
        ),
        // The cost of a run through an engine host, for Benchmarks/micro.sh.
        .executableTarget(
            name: "HostSpeed",
            dependencies: ["Hosting", "Engine", "Text"],
            path: "Benchmarks/Sources/HostSpeed",
            swiftSettings: relaxed
        ),

        tests("PlatformTests", ["Platform"]),
        tests("SealingTests", ["Sealing", "Platform", "Text"]),
        tests("TLSTests", ["TLS", "Platform", nioCore, nioEmbedded, nioPosix]),
        tests("WireTests", ["Wire", "Text", nioCore]),
        tests(
            "RPCTests",
            ["RPC", "Wire", "TLS", "Metrics", "Text", nioCore, nioEmbedded, nioPosix]
        ),
        tests("MetricsTests", ["Metrics"]),
        tests("HTTPTests", ["HTTP", "RPC", "Wire", nioCore, nioEmbedded, nioHTTP1, logging]),
        tests(
            "RegistryTests",
            ["Registry", "Sealing", "Platform", "JSON", "Text", grdb, sqlite]
        ),
        tests("JSONTests", ["JSON", "Text"]),
        tests("TextTests", ["Text"]),
        tests("EngineTests", ["Engine", "EngineTesting", "JSON", "Text"]),
        tests("SandboxTests", ["Sandbox", "Text"]),
        tests(
            "HostingTests",
            ["Hosting", "Engine", "EngineTesting", "Sealing", "CHosting", "Text"]
        ),
        tests(
            "ServingTests",
            [
                "Serving", "Hosting", "Registry", "Engine", "EngineTesting", "Sealing", "Metrics",
                "Text",
            ]
        ),
        tests("BenchTests", ["Bench", "Wire", nioCore]),
        tests("StrongroomClientTests", ["StrongroomClient", "Text"]),
        tests(
            "ServerTests",
            [
                "Server", "Serving", "Registry", "RPC", "HTTP", "Metrics", "Wire", "TLS", "Sealing",
                "Platform", "Sandbox", "JSON", "Text", logging, tracing, nioCore, nioEmbedded,
                nioHTTP1,
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
