"""ImportRestApi, PutRestApi and UpdateRestApi as chalice calls them."""

import json

from ministack.services import apigateway_v1 as api

_ROOT = "/"


def install():
    """Let the API Gateway service take chalice's Swagger document."""
    handle, import_operation = api.handle_request, api._import_operation
    build_event = api._build_lambda_event_v1

    async def handle_request(method, path, headers, body, query_params):
        parts = path.strip("/").split("/")
        if parts[0] == "restapis" and _first(query_params.get("mode")) in {"import", "overwrite"}:
            if method == "POST" and len(parts) == 1:
                return _import(json.loads(body))
            if method == "PUT" and len(parts) == 2:
                return _overwrite(parts[1], json.loads(body))
        if parts[0] == "restapis" and method == "PATCH" and len(parts) == 2:
            body = _without_empty_compression(body)
        return await handle(method, path, headers, body, query_params)

    def import_with_responses(api_id, resource_id, http_method, operation, *rest):
        import_operation(api_id, resource_id, http_method, operation, *rest)
        _keep_templates_and_responses(api_id, resource_id, http_method, operation)

    def event_with_path(api_id, stage_name, stage, resource, request_path, *rest, **options):
        event = build_event(api_id, stage_name, stage, resource, request_path, *rest, **options)
        # As on AWS, the path as the caller has sent it: links of pages begin with what stands before theirs.
        event["requestContext"]["path"] = f"/restapis/{api_id}/{stage_name}/_user_request_{request_path}"
        return event

    api._build_lambda_event_v1 = event_with_path
    api.handle_request = handle_request
    api._import_operation = import_with_responses


def _first(value):
    return value[0] if isinstance(value, list) else value


def _settings(spec):
    return {
        "binaryMediaTypes": spec.get("x-amazon-apigateway-binary-media-types", []),
        "policy": spec.get("x-amazon-apigateway-policy"),
    }


def _import(spec):
    api_id = api._import_rest_api(spec, _settings(spec))
    return api._v1_response(api._rest_api_view(api._rest_apis[api_id]), 201)


def _overwrite(api_id, spec):
    """Replace the API's resources by the document's, and keep its id and stages."""
    if api_id not in api._rest_apis:
        return api._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    resources = api._resources[api_id]
    for resource_id, resource in list(resources.items()):
        if resource["path"] == _ROOT:
            resource["resourceMethods"] = {}
        else:
            del resources[resource_id]
    api._authorizers_v1[api_id] = {}
    api._rest_apis[api_id].update(_settings(spec))
    schemes = api._import_security_schemes(api_id, spec)
    for path, item in spec["paths"].items():
        api._import_path_item(api_id, path, item, schemes, spec.get("security"))
    return api._v1_response(api._rest_api_view(api._rest_apis[api_id]))


def _keep_templates_and_responses(api_id, resource_id, http_method, operation):
    """Keep what a CORS preflight answers: the importer drops all but type, method and address."""
    document = operation["x-amazon-apigateway-integration"]
    integration = api._resources[api_id][resource_id]["resourceMethods"][http_method]["methodIntegration"]
    integration["requestTemplates"] = document.get("requestTemplates", {})
    integration["passthroughBehavior"] = document.get("passthroughBehavior", "when_no_match").upper()
    integration["contentHandling"] = document.get("contentHandling")
    for pattern, response in document.get("responses", {}).items():
        api._put_integration_response(
            api_id,
            resource_id,
            http_method,
            response["statusCode"],
            {**response, "selectionPattern": "" if pattern == "default" else pattern},
        )


def _without_empty_compression(body):
    """Turn chalice's empty compression size, which means none, into none."""
    request = json.loads(body)
    for operation in request.get("patchOperations", []):
        if operation.get("path") == "/minimumCompressionSize" and operation.get("value") == "":
            operation["value"] = None
    return json.dumps(request).encode()
