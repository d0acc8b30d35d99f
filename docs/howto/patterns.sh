# Shell functions of docs/howto/try-the-patterns.md: what people do in a served sandbox.

HUB=444455556666
ENDPOINT=${ENDPOINT:-http://localhost:5000}

# advance <seconds>: let time pass.
advance() {
  curl --silent --show-error --fail --output /dev/null --data "{\"seconds\": $1}" "$ENDPOINT/sandbox/advance"
}

# lake <account>: its owner puts a file into a bucket, and describes it as the table quick_sales.orders.
lake() {
  place="{\"Columns\": [{\"Name\": \"id\", \"Type\": \"bigint\"}], \"Location\": \"s3://quick-data-$1/orders/\"}"
  aws --profile "$1" s3api create-bucket --bucket "quick-data-$1" --output text \
    --create-bucket-configuration LocationConstraint=eu-west-1
  aws --profile "$1" s3api put-object --bucket "quick-data-$1" --key orders/1.csv > /dev/null
  aws --profile "$1" glue create-database --database-input Name=quick_sales
  aws --profile "$1" glue create-table --database-name quick_sales \
    --table-input "{\"Name\": \"orders\", \"StorageDescriptor\": $place}"
}

# query <account> <profile> [<catalog>]: an author imports quick_sales.orders through the account's data source.
query() {
  source="arn:aws:quicksight:eu-west-1:$HUB:datasource/quick-athena-$1-$2"
  columns="\"InputColumns\": [{\"Name\": \"id\", \"Type\": \"INTEGER\"}]"
  table="\"Catalog\": \"${3:-AwsDataCatalog}\", \"Schema\": \"quick_sales\", \"Name\": \"orders\", $columns"
  aws --profile hub quicksight create-data-set --aws-account-id $HUB --data-set-id author --name author \
    --import-mode SPICE --physical-table-map "{\"orders\": {\"RelationalTable\": {\"DataSourceArn\": \"$source\", $table}}}" \
    > /dev/null
  advance 10
  aws --profile hub quicksight list-ingestions --aws-account-id $HUB --data-set-id author --output text \
    --query "Ingestions[0].[IngestionStatus, ErrorInfo.Message]"
  aws --profile hub quicksight delete-data-set --aws-account-id $HUB --data-set-id author > /dev/null
}

# policy <kind>: a policy of the statements of that kind in .build/statements.json, which quickctl printed.
policy() {
  python -c 'import json, sys
found = [each["statement"] for each in json.load(sys.stdin)["statements"] if each["kind"] == sys.argv[1]]
print(json.dumps({"Version": "2012-10-17", "Statement": found}))' "$1" < .build/statements.json
}
