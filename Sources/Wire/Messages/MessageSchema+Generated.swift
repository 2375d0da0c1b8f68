internal import CProtobufC

/// One schema for each message that arrives by itself, built when it is first needed.
extension MessageSchema {
    // health.proto
    static let checkRequest = unsafe generated(
        Strongroom__V1__CheckRequest(),
        strongroom__v1__check_request__init
    )
    static let checkResponse = unsafe generated(
        Strongroom__V1__CheckResponse(),
        strongroom__v1__check_response__init
    )

    // prediction.proto
    static let tensor = unsafe generated(
        Strongroom__V1__Tensor(),
        strongroom__v1__tensor__init
    )
    static let modelSpec = unsafe generated(
        Strongroom__V1__ModelSpec(),
        strongroom__v1__model_spec__init
    )
    static let predictRequest = unsafe generated(
        Strongroom__V1__PredictRequest(),
        strongroom__v1__predict_request__init
    )
    static let predictResponse = unsafe generated(
        Strongroom__V1__PredictResponse(),
        strongroom__v1__predict_response__init
    )
    static let timing = unsafe generated(
        Strongroom__V1__Timing(),
        strongroom__v1__timing__init
    )
    static let usage = unsafe generated(
        Strongroom__V1__Usage(),
        strongroom__v1__usage__init
    )
    static let tensorSpec = unsafe generated(
        Strongroom__V1__TensorSpec(),
        strongroom__v1__tensor_spec__init
    )
    static let getModelRequest = unsafe generated(
        Strongroom__V1__GetModelRequest(),
        strongroom__v1__get_model_request__init
    )
    static let getModelResponse = unsafe generated(
        Strongroom__V1__GetModelResponse(),
        strongroom__v1__get_model_response__init
    )
    static let limits = unsafe generated(
        Strongroom__V1__Limits(),
        strongroom__v1__limits__init
    )
    static let cancelRequest = unsafe generated(
        Strongroom__V1__CancelRequest(),
        strongroom__v1__cancel_request__init
    )
    static let cancelResponse = unsafe generated(
        Strongroom__V1__CancelResponse(),
        strongroom__v1__cancel_response__init
    )

    // registry.proto
    static let file = unsafe generated(
        Strongroom__V1__File(),
        strongroom__v1__file__init
    )
    static let version = unsafe generated(
        Strongroom__V1__Version(),
        strongroom__v1__version__init
    )
    static let replica = unsafe generated(
        Strongroom__V1__Replica(),
        strongroom__v1__replica__init
    )
    static let beginPublishRequest = unsafe generated(
        Strongroom__V1__BeginPublishRequest(),
        strongroom__v1__begin_publish_request__init
    )
    static let beginPublishResponse = unsafe generated(
        Strongroom__V1__BeginPublishResponse(),
        strongroom__v1__begin_publish_response__init
    )
    static let uploadChunkRequest = unsafe generated(
        Strongroom__V1__UploadChunkRequest(),
        strongroom__v1__upload_chunk_request__init
    )
    static let uploadChunkResponse = unsafe generated(
        Strongroom__V1__UploadChunkResponse(),
        strongroom__v1__upload_chunk_response__init
    )
    static let getUploadRequest = unsafe generated(
        Strongroom__V1__GetUploadRequest(),
        strongroom__v1__get_upload_request__init
    )
    static let getUploadResponse = unsafe generated(
        Strongroom__V1__GetUploadResponse(),
        strongroom__v1__get_upload_response__init
    )
    static let commitPublishRequest = unsafe generated(
        Strongroom__V1__CommitPublishRequest(),
        strongroom__v1__commit_publish_request__init
    )
    static let commitPublishResponse = unsafe generated(
        Strongroom__V1__CommitPublishResponse(),
        strongroom__v1__commit_publish_response__init
    )
    static let abortPublishRequest = unsafe generated(
        Strongroom__V1__AbortPublishRequest(),
        strongroom__v1__abort_publish_request__init
    )
    static let abortPublishResponse = unsafe generated(
        Strongroom__V1__AbortPublishResponse(),
        strongroom__v1__abort_publish_response__init
    )
    static let listModelsRequest = unsafe generated(
        Strongroom__V1__ListModelsRequest(),
        strongroom__v1__list_models_request__init
    )
    static let listModelsResponse = unsafe generated(
        Strongroom__V1__ListModelsResponse(),
        strongroom__v1__list_models_response__init
    )
    static let model = unsafe generated(
        Strongroom__V1__Model(),
        strongroom__v1__model__init
    )
    static let alias = unsafe generated(
        Strongroom__V1__Alias(),
        strongroom__v1__alias__init
    )
    static let listVersionsRequest = unsafe generated(
        Strongroom__V1__ListVersionsRequest(),
        strongroom__v1__list_versions_request__init
    )
    static let listVersionsResponse = unsafe generated(
        Strongroom__V1__ListVersionsResponse(),
        strongroom__v1__list_versions_response__init
    )
    static let getVersionRequest = unsafe generated(
        Strongroom__V1__GetVersionRequest(),
        strongroom__v1__get_version_request__init
    )
    static let getVersionResponse = unsafe generated(
        Strongroom__V1__GetVersionResponse(),
        strongroom__v1__get_version_response__init
    )
    static let readFileRequest = unsafe generated(
        Strongroom__V1__ReadFileRequest(),
        strongroom__v1__read_file_request__init
    )
    static let readFileResponse = unsafe generated(
        Strongroom__V1__ReadFileResponse(),
        strongroom__v1__read_file_response__init
    )
    static let setAliasRequest = unsafe generated(
        Strongroom__V1__SetAliasRequest(),
        strongroom__v1__set_alias_request__init
    )
    static let setAliasResponse = unsafe generated(
        Strongroom__V1__SetAliasResponse(),
        strongroom__v1__set_alias_response__init
    )
    static let rollbackRequest = unsafe generated(
        Strongroom__V1__RollbackRequest(),
        strongroom__v1__rollback_request__init
    )
    static let rollbackResponse = unsafe generated(
        Strongroom__V1__RollbackResponse(),
        strongroom__v1__rollback_response__init
    )
    static let deleteAliasRequest = unsafe generated(
        Strongroom__V1__DeleteAliasRequest(),
        strongroom__v1__delete_alias_request__init
    )
    static let deleteAliasResponse = unsafe generated(
        Strongroom__V1__DeleteAliasResponse(),
        strongroom__v1__delete_alias_response__init
    )
    static let listAliasHistoryRequest = unsafe generated(
        Strongroom__V1__ListAliasHistoryRequest(),
        strongroom__v1__list_alias_history_request__init
    )
    static let listAliasHistoryResponse = unsafe generated(
        Strongroom__V1__ListAliasHistoryResponse(),
        strongroom__v1__list_alias_history_response__init
    )
    static let aliasMove = unsafe generated(
        Strongroom__V1__AliasMove(),
        strongroom__v1__alias_move__init
    )
    static let deleteVersionRequest = unsafe generated(
        Strongroom__V1__DeleteVersionRequest(),
        strongroom__v1__delete_version_request__init
    )
    static let deleteVersionResponse = unsafe generated(
        Strongroom__V1__DeleteVersionResponse(),
        strongroom__v1__delete_version_response__init
    )
    static let validateVersionRequest = unsafe generated(
        Strongroom__V1__ValidateVersionRequest(),
        strongroom__v1__validate_version_request__init
    )
    static let validateVersionResponse = unsafe generated(
        Strongroom__V1__ValidateVersionResponse(),
        strongroom__v1__validate_version_response__init
    )
    static let listAuditEventsRequest = unsafe generated(
        Strongroom__V1__ListAuditEventsRequest(),
        strongroom__v1__list_audit_events_request__init
    )
    static let listAuditEventsResponse = unsafe generated(
        Strongroom__V1__ListAuditEventsResponse(),
        strongroom__v1__list_audit_events_response__init
    )
    static let auditEvent = unsafe generated(
        Strongroom__V1__AuditEvent(),
        strongroom__v1__audit_event__init
    )

    // maintenance.proto
    static let collectRequest = unsafe generated(
        Strongroom__V1__CollectRequest(),
        strongroom__v1__collect_request__init
    )
    static let collectResponse = unsafe generated(
        Strongroom__V1__CollectResponse(),
        strongroom__v1__collect_response__init
    )
    static let rotateKeysRequest = unsafe generated(
        Strongroom__V1__RotateKeysRequest(),
        strongroom__v1__rotate_keys_request__init
    )
    static let rotateKeysResponse = unsafe generated(
        Strongroom__V1__RotateKeysResponse(),
        strongroom__v1__rotate_keys_response__init
    )
}
